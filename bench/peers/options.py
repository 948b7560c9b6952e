"""What the peers' scripts are asked with: the models' sizes, the names of types, and numbers that are large enough."""
import argparse

PRESETS = {
    "small": dict(hidden_size=512, num_hidden_layers=8, num_attention_heads=8, num_key_value_heads=8, intermediate_size=1408),
    "300m": dict(hidden_size=1024, num_hidden_layers=20, num_attention_heads=16, num_key_value_heads=16, intermediate_size=2816),
    "phi3-mini": dict(hidden_size=3072, num_hidden_layers=32, num_attention_heads=32, num_key_value_heads=32, intermediate_size=8192),
}
DTYPES = {"bf16": "bfloat16", "f32": "float32", "f16": "float16"}


def add_dtype(parser, default):
    parser.add_argument("--dtype", choices=DTYPES.values(), type=lambda name: DTYPES.get(name, name), default=default,
                        help="or bf16, f32, f16")


def at_least(least):
    def number(text):
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"{text}; expected at least {least}")
        return int(text)
    return number
