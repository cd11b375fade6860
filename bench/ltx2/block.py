"""One LTX-2 19B block in PyTorch, float32, eager; runs once for each line on stdin and says the milliseconds."""

import json
import struct
import sys
import time

import torch
import torch.nn.functional as F

WEIGHTS, INPUTS, FOLDER = sys.argv[1:]
PREFIX = "model.diffusion_model.transformer_blocks.0."
TYPES = {"BF16": torch.bfloat16, "F32": torch.float32}


def read_weights(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        found = {}
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            start, end = entry["data_offsets"]
            file.seek(8 + length + start)
            data = torch.frombuffer(bytearray(file.read(end - start)), dtype=TYPES[entry["dtype"]])
            found[name.removeprefix(PREFIX)] = data.reshape(entry["shape"]).float()
    return found


def read_inputs(path):
    with open(path) as file:
        entries = json.load(file)
    return {
        name: torch.from_file(entry["file"], size=torch.Size(entry["shape"]).numel()).reshape(entry["shape"])
        for name, entry in entries.items()
    }


w = read_weights(WEIGHTS)
x = read_inputs(INPUTS)


def linear(name, value):
    return F.linear(value, w[name + ".weight"], w[name + ".bias"])


def rms(value, scale=None):
    return F.rms_norm(value, value.shape[-1:], scale, 1e-6)


def rotate(value, rope):
    tokens, heads, half = x[rope + "cos"].shape
    a, b = value.reshape(tokens, heads, 2, half).unbind(2)
    cos, sin = x[rope + "cos"], x[rope + "sin"]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1).reshape(tokens, -1)


def attend(name, query, context, heads, query_rope=None, key_rope=None):
    q = rms(linear(name + ".to_q", query), w[name + ".q_norm.weight"])
    k = rms(linear(name + ".to_k", context), w[name + ".k_norm.weight"])
    v = linear(name + ".to_v", context)
    if query_rope:
        q, k = rotate(q, query_rope), rotate(k, key_rope)
    q, k, v = (t.unflatten(-1, (heads, -1)).transpose(0, 1).unsqueeze(0) for t in (q, k, v))
    out = F.scaled_dot_product_attention(q, k, v)
    return linear(name + ".to_out.0", out.squeeze(0).transpose(0, 1).flatten(1))


def modulate(value, scale, shift):
    return rms(value) * (1 + scale) + shift


def alone(hidden, stream, prefix, table):
    shift, scale, gate = table[:3]
    rope = stream + "."
    y = modulate(hidden, scale, shift)
    hidden = hidden + gate * attend(prefix + "attn1", y, y, 32, rope, rope)
    return hidden + attend(prefix + "attn2", rms(hidden), x[stream + ".context"], 32)


def feed_forward(hidden, prefix, table):
    shift, scale, gate = table[3:]
    y = F.gelu(linear(prefix + "ff.net.0.proj", modulate(hidden, scale, shift)), approximate="tanh")
    return hidden + gate * linear(prefix + "ff.net.2", y)


def block():
    video, audio = (w[p + "scale_shift_table"] + x[s + ".ada"][0] for s, p in (("video", ""), ("audio", "audio_")))
    v = alone(x["video.hidden"], "video", "", video)
    a = alone(x["audio.hidden"], "audio", "audio_", audio)
    looks, gates = {}, {}
    for s in ("video", "audio"):
        table = w["scale_shift_table_a2v_ca_" + s]
        looks[s] = table[:4] + x[s + ".cross_ada"][0]
        gates[s] = table[4] + x[s + ".cross_gate"][0, 0]
    ropes = ("video.cross_", "audio.cross_")
    to_video = attend(
        "audio_to_video_attn", modulate(v, *looks["video"][:2]), modulate(a, *looks["audio"][:2]), 32, *ropes
    )
    to_audio = attend(
        "video_to_audio_attn", modulate(a, *looks["audio"][2:]), modulate(v, *looks["video"][2:]), 32, *ropes[::-1]
    )
    v, a = v + gates["video"] * to_video, a + gates["audio"] * to_audio
    return feed_forward(v, "", video), feed_forward(a, "audio_", audio)


with torch.inference_mode():
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        outputs = block()
        milliseconds = 1000 * (time.perf_counter() - start)
        for name, value in zip(("video", "audio"), outputs):
            value.contiguous().numpy().tofile(f"{FOLDER}/{name}.bin")
        print(milliseconds, flush=True)
