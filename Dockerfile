# syntax=docker/dockerfile:1
# The published package and what it needs at run time; docs/deployment.md says how to run it.

FROM node:24-slim AS package
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm pack --pack-destination /tmp && mkdir /waybill && tar -xzf /tmp/waybill-*.tgz -C /waybill --strip-components=1

# Without the embedded Postgres, whose binaries are optional dependencies: a container has DATABASE_URL.
FROM node:24-slim AS dependencies
WORKDIR /waybill
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:24-slim
WORKDIR /waybill
COPY --from=dependencies /waybill/node_modules node_modules
COPY --from=package /waybill .
# The only place that is written to, besides /tmp.
RUN install -d -o node -g node -m 0700 /var/lib/waybill
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8787 DATA_DIR=/var/lib/waybill
USER 1000:1000
VOLUME /var/lib/waybill
EXPOSE 8787
# The readiness probe also asks the database, whose trouble a restart would not end.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/livez`).then(({ok})=>process.exit(ok?0:1),()=>process.exit(1))"]
# It handles SIGTERM as the first process too, and stops within 30 seconds.
STOPSIGNAL SIGTERM
CMD ["node", "bin/waybill.js", "serve"]
