#!/bin/sh
# Creates the namespace and the search attributes where they are missing. TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE say where.
set -eu

until temporal operator cluster health; do sleep 2; done
temporal operator namespace describe -n "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
  temporal operator namespace create -n "$TEMPORAL_NAMESPACE" --retention 30d

# A new namespace takes a moment to be known to all parts of the server.
tries=0
until temporal operator search-attribute create -n "$TEMPORAL_NAMESPACE" \
  --name TrueupTable --type Keyword --name TrueupPhase --type Keyword --name TrueupNeedsApproval --type Bool; do
  tries=$((tries + 1))
  if [ "$tries" -ge 30 ]; then exit 1; fi
  sleep 2
done
