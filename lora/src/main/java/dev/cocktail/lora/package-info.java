/**
 * Low-rank adapters on the linear projections of a model: LoRA (Hu et al., 2021), rank-stabilised LoRA (Kalajdzievski,
 * 2023) and DoRA (Liu et al., 2024); PEFT's files, both ways; merging an adapter into the weights.
 */
package dev.cocktail.lora;
