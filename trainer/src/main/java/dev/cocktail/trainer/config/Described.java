package dev.cocktail.trainer.config;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * A section that may take its values from a description, a file of the same keys that the key {@link #KEY} names; see
 * {@link Descriptions}. The resolved section has the values and not that key.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
@interface Described {
  /** The key that names a description. */
  String KEY = "use";

  /** What the key means, one sentence. */
  String value();

  /** What happens when the key is absent. */
  String whenAbsent();
}
