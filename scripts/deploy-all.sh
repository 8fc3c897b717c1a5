#!/bin/sh
# Deploys the four layers; the same as: npm run up
cd "$(dirname "$0")/.." && exec node scripts/bootstrap.mjs up "$@"
