/** Where a graph can run: processors, then WebGPU (any graphics card) and CUDA (NVIDIA's). */
export type Provider = 'cpu' | 'webgpu' | 'cuda';
