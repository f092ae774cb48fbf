#!/bin/sh
# Prints the rules of prometheus/rules as PrometheusRule objects: sh deploy/kubernetes/operator/rules.sh | kubectl apply -f -
set -eu
cd "$(dirname "$0")/../../../prometheus/rules"
for file in *.yml; do
    name=$(basename "$file" .yml)
    printf -- '---\napiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: dicom-exporter-%s\n' \
        "$(printf %s "$name" | tr '_' '-')"
    printf '  namespace: monitoring\nspec:\n'
    sed 's/^\(.\)/  \1/' "$file"
done
