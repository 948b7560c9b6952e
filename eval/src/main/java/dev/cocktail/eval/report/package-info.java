/**
 * Reports as one HTML file that needs nothing else: pages, tables and charts. Whatever comes from data is escaped, and
 * nothing is told by colour alone.
 */
package dev.cocktail.eval.report;
