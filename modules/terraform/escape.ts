/**
 * Text as Terraform must keep it: in synthesized JSON every string is a template, so that
 * `${…}` of a shell script or a dashboard would be taken for a reference. cdktf's own tokens
 * stay what they are.
 */
export const escapeTemplate = (text: string): string => text.replace(/([$%])\{(?!TfToken\[)/g, "$1$1{");
