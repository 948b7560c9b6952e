/** Reading a model's answers: the forms that answers can have, each read strictly and leniently. */
package dev.cocktail.eval.answer;
