/**
 * Escapes text for synthesized JSON, where every string is a template: Terraform would treat `${…}` in a shell script
 * or a dashboard as a reference. cdktf's own tokens stay unchanged.
 */
export const escapeTemplate = (text: string): string => text.replace(/([$%])\{(?!TfToken\[)/g, "$1$1{");
