#!/usr/bin/env python3
"""Loads a model and an adapter that Cocktail wrote with Transformers and PEFT, and compares their logits with Cocktail's.

    ./cocktail trace --model MODEL --adapter RUN/adapter --tokens tokens.json --out numbers.safetensors --device cpu
    python bench/peers/adapter_logits.py MODEL RUN/adapter tokens.json numbers.safetensors

tokens.json holds input_ids and attention_mask, lists of rows. Prints the largest difference of a logit beside the largest
logit, the same without the adapter (which must be far larger, or the adapter did nothing), and exits 1 above 1e-4.
"""
import argparse
import json
import sys

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
for name in "MODEL", "ADAPTER", "TOKENS", "NUMBERS":
    p.add_argument(name)
a = p.parse_args()
tokens = json.load(open(a.TOKENS))
ids = torch.tensor(tokens["input_ids"])
mask = torch.tensor(tokens["attention_mask"])
ours = load_file(a.NUMBERS)["logits"].double()
base = AutoModelForCausalLM.from_pretrained(a.MODEL, dtype=torch.float32).eval()
with torch.no_grad():
    without = base(ids, attention_mask=mask).logits.double()
    adapted = PeftModel.from_pretrained(base, a.ADAPTER).eval()
    theirs = adapted(ids, attention_mask=mask).logits.double()
seen = mask.bool()
difference = (ours - theirs)[seen].abs().max().item()
effect = (ours - without)[seen].abs().max().item()
scale = theirs[seen].abs().max().item()
print(json.dumps({"largest_difference": difference, "largest_logit": scale, "effect_of_adapter": effect}))
sys.exit(0 if difference <= 1e-4 * scale and effect > 100 * difference else 1)
