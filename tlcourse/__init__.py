"""A course on transfer learning."""
