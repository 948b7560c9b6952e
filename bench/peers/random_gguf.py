#!/usr/bin/env python3
"""Writes a GGUF file for llama.cpp: Phi-3 on random weights, f16, the shapes of generate.py's presets.

    random_gguf.py FILE [--preset 300m]

Needs the packages gguf and numpy. The vocabulary is 32,064 made-up tokens, since only the time of generation counts.
"""
import argparse
import gguf, numpy
from options import PRESETS

VOCABULARY = 32064
p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("file")
p.add_argument("--preset", choices=PRESETS, default="300m")
a = p.parse_args()
shape = PRESETS[a.preset]
width, inner = shape["hidden_size"], shape["intermediate_size"]
random = numpy.random.default_rng(0)
writer = gguf.GGUFWriter(a.file, "phi3")
writer.add_context_length(4096)
writer.add_embedding_length(width)
writer.add_feed_forward_length(inner)
writer.add_block_count(shape["num_hidden_layers"])
writer.add_head_count(shape["num_attention_heads"])
writer.add_head_count_kv(shape["num_attention_heads"])
writer.add_layer_norm_rms_eps(1e-5)
writer.add_rope_dimension_count(width // shape["num_attention_heads"])
writer.add_rope_freq_base(10000.0)
writer.add_sliding_window(2047)
writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
writer.add_tokenizer_model("llama")
kinds = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL] + [gguf.TokenType.BYTE] * 256
tokens = [b"<unk>", b"<s>", b"</s>"] + [b"<0x%02X>" % i for i in range(256)]
tokens += [b"t%d" % i for i in range(len(tokens), VOCABULARY)]
kinds += [gguf.TokenType.NORMAL] * (VOCABULARY - len(kinds))
writer.add_token_list(tokens)
writer.add_token_scores([-float(i) for i in range(VOCABULARY)])
writer.add_token_types(kinds)
writer.add_bos_token_id(1)
writer.add_eos_token_id(2)


def weight(name, *dims):
    writer.add_tensor(name + ".weight", (0.02 * random.standard_normal(dims, dtype=numpy.float32)).astype(numpy.float16))


def norm(name):
    writer.add_tensor(name + ".weight", numpy.ones(width, dtype=numpy.float32))


weight("token_embd", VOCABULARY, width)
for layer in range(shape["num_hidden_layers"]):
    norm(f"blk.{layer}.attn_norm")
    weight(f"blk.{layer}.attn_qkv", 3 * width, width)
    weight(f"blk.{layer}.attn_output", width, width)
    norm(f"blk.{layer}.ffn_norm")
    weight(f"blk.{layer}.ffn_up", 2 * inner, width)
    weight(f"blk.{layer}.ffn_down", width, inner)
norm("output_norm")
weight("output", VOCABULARY, width)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
