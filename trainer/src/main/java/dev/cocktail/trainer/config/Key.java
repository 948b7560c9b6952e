package dev.cocktail.trainer.config;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Documents a key of the run file. The key's name is that of the record's component, in snake_case.
 *
 * <p>A component without a default is required, except for sections (records), lists and optional values.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
@interface Key {
  /** What the key means, one sentence. */
  String value();

  /**
   * The default as it would be written in the file; {@code ${name}} stands for the run file's name without its ending,
   * and {@code = other_key} for the value of an earlier key of the same section.
   */
  String defaultsTo() default "";

  /** What happens when an optional key is absent. */
  String whenAbsent() default "";

  /** A number must be greater than this. */
  double above() default Double.NEGATIVE_INFINITY;

  /** A number must be this or greater. */
  double atLeast() default Double.NEGATIVE_INFINITY;

  /** A number must be less than this. */
  double below() default Double.POSITIVE_INFINITY;

  /** A number must be this or less. */
  double atMost() default Double.POSITIVE_INFINITY;

  /** Words that are understood, but not supported yet. */
  String[] planned() default {};
}
