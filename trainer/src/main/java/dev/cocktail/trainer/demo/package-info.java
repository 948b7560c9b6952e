/**
 * The demo: a small model, two small tasks about invented financial news, and what that model was made from. All of it
 * is generated from a seed, so nothing here has another owner.
 */
package dev.cocktail.trainer.demo;
