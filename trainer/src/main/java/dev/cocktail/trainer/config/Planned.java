package dev.cocktail.trainer.config;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** Keys of a section that are understood, but not supported yet. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
@interface Planned {
  String[] value();
}
