/** The command line: its commands, the options they share, messages and exit codes. */
package dev.cocktail.trainer.cli;
