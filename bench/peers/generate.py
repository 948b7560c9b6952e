#!/usr/bin/env python3
"""The peer's rate of generation: Transformers' Phi-3 on random weights and random prompts, greedy.

One line of JSON under the keys of `cocktail bench generate --json`. A step's time is what generating all tokens takes
more than generating the first only, so that the prompts' own pass does not count.

    generate.py                                   # 322 M parameters, bfloat16, one prompt
    generate.py --batch 8
"""
import argparse, json, resource, statistics, sys, time
import torch, transformers
from options import PRESETS, add_dtype, at_least

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("--preset", choices=PRESETS, default="300m")
add_dtype(p, default="bfloat16")
p.add_argument("--batch", type=at_least(1), default=1)
p.add_argument("--prompt", type=at_least(1), default=16)
p.add_argument("--tokens", type=at_least(2), default=64)
p.add_argument("--reps", type=at_least(1), default=3)
p.add_argument("--threads", type=at_least(1), default=2)
a = p.parse_args()

transformers.logging.set_verbosity_error()
torch.set_num_threads(a.threads)
torch.manual_seed(0)
config = transformers.Phi3Config(vocab_size=32064, max_position_embeddings=4096, sliding_window=2047,
                                 pad_token_id=0, bos_token_id=1, eos_token_id=2, **PRESETS[a.preset])
torch.set_default_dtype(getattr(torch, a.dtype))
model = transformers.Phi3ForCausalLM(config).eval()
ids = torch.randint(3, 32064, (a.batch, a.prompt))
mask = torch.ones_like(ids)


def seconds(tokens):
    start = time.perf_counter()
    with torch.inference_mode():
        answers = model.generate(ids, attention_mask=mask, do_sample=False, min_new_tokens=tokens, max_new_tokens=tokens)
    taken = time.perf_counter() - start
    if answers.shape[1] != a.prompt + tokens:
        sys.exit(f"generate.py: answers of {answers.shape[1] - a.prompt} tokens instead of {tokens}")
    return taken


seconds(a.tokens)
rates = []
for _ in range(a.reps):
    first = seconds(1)
    rest = seconds(a.tokens) - first
    if rest <= 0:
        sys.exit(f"generate.py: {a.tokens} tokens took no longer than the first; the machine is too busy, or --tokens too few")
    rates.append(a.batch * (a.tokens - 1) / rest)
print(json.dumps(dict(preset=a.preset, dtype=a.dtype, batch=a.batch, tokens_per_s=round(statistics.median(rates), 1),
                      tokens_per_s_min=round(min(rates), 1), tokens_per_s_max=round(max(rates), 1),
                      peak_memory_mib=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
                      torch=torch.__version__, transformers=transformers.__version__, python=sys.version.split()[0])))
