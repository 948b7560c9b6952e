/**
 * Reading and writing safetensors: a file of an 8-byte little-endian header length, a JSON header, and the tensors'
 * bytes.
 *
 * <p>Reading is closed: every rule of the format is checked when a file is opened, so that later access to a tensor can
 * neither leave the file nor meet another tensor's bytes. Files are mapped, never copied.
 */
package dev.cocktail.tensor.safetensors;
