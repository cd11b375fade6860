"""All 48 blocks of LTX-2 19B in PyTorch, bfloat16, eager, on a GPU; prints milliseconds and memory as JSON."""

import json
import subprocess
import time

import torch

# Reads one block's weights and the inputs, named as arguments, and waits for nothing on an empty stdin.
import block

BLOCKS, ROUNDS = 48, 5


def on_gpu(tensors):
    return {name: value.to("cuda", torch.bfloat16, copy=True) for name, value in tensors.items()}


def forward(layers, video, audio):
    block.x["video.hidden"], block.x["audio.hidden"] = video, audio
    for block.w in layers:
        block.x["video.hidden"], block.x["audio.hidden"] = block.block()
    torch.cuda.synchronize()


def used():
    query = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    return int(subprocess.check_output(query).split()[0])


with torch.inference_mode():
    layers = [on_gpu(block.w) for _ in range(BLOCKS)]
    block.x = on_gpu(block.x)
    start = block.x["video.hidden"], block.x["audio.hidden"]
    times = []
    for _ in range(2 + ROUNDS):
        begin = time.perf_counter()
        forward(layers, *start)
        times.append(1000 * (time.perf_counter() - begin))
    print(json.dumps({"times": times[2:], "used": used()}))
