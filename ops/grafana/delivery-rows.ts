/** The way of a file: in, through the queue, to the providers. */
import {
  OWN,
  OWN_AT,
  perSecond,
  quantile,
  RECORD,
  RECORD_AT,
  type Row,
  recorded,
  spread,
  total,
} from './panel.ts';

const overview: Row = {
  title: 'Overview',
  panels: [
    {
      title: 'Instances that answer',
      description: 'Share of the targets of the job that Prometheus could read.',
      kind: 'stat',
      unit: 'percentunit',
      queries: [{ expr: `avg(up{${OWN}})`, legend: 'up' }],
      limits: [1, 0.5],
    },
    {
      title: 'Files received',
      description: 'Accepted in the time shown, also those whose bytes were here already.',
      kind: 'stat',
      unit: 'short',
      queries: [
        { expr: total('waybill_received_files_total', `${OWN}, outcome=~"accepted|known"`), legend: 'files' },
      ],
    },
    {
      title: 'Errors of the server',
      description: 'Share of answers with a status of 500 or above, in the last 5 minutes.',
      kind: 'stat',
      unit: 'percentunit',
      queries: [{ expr: `job:waybill_http_errors:ratio_rate5m{${RECORD}}`, legend: 'errors' }],
      limits: [0.01, 0.05],
    },
    {
      title: 'Delivery p95',
      description:
        'One in twenty deliveries takes longer, from the wish to the confirmation. Last 15 minutes.',
      kind: 'stat',
      unit: 's',
      queries: [
        {
          expr: `max(job_provider:file_upload_duration_seconds:p95_15m{${RECORD_AT}})`,
          legend: 'slowest provider',
        },
      ],
      limits: [60, 300],
    },
    {
      title: 'Uploads',
      description:
        'Receptions that ended, by how. `refused` and `aborted` are the ones that came to nothing.',
      kind: 'stacked',
      unit: 'ops',
      queries: [{ expr: perSecond('outcome', 'waybill_received_files_total'), legend: '{{outcome}}' }],
    },
    {
      title: 'Bytes',
      description: 'Taken in from users, and sent to providers, repeats too.',
      kind: 'lines',
      unit: 'binBps',
      queries: [
        { expr: `sum(rate(waybill_received_bytes_total{${OWN}}[$__rate_interval]))`, legend: 'in' },
        { expr: `sum(rate(waybill_delivery_bytes_total{${OWN_AT}}[$__rate_interval]))`, legend: 'out' },
      ],
    },
    {
      title: 'Errors by code',
      description: 'Error answers on every surface. docs/errors.md has what each code means.',
      kind: 'stacked',
      unit: 'ops',
      queries: [{ expr: perSecond('code', 'waybill_errors_total'), legend: '{{code}}' }],
    },
    {
      title: 'Reception',
      description: "From a file's first byte to its acknowledgement; goes with size and the user's line.",
      kind: 'lines',
      unit: 's',
      queries: spread('via', 'waybill_receive_duration_seconds', { legend: '{{via}}' }),
    },
    {
      title: 'Answers',
      description: 'By status.',
      kind: 'stacked',
      unit: 'reqps',
      queries: [{ expr: perSecond('status', 'waybill_http_requests_total'), legend: '{{status}}' }],
    },
    {
      title: 'Time to answer, p95',
      description: 'By route. Uploads and event streams take as long as they take.',
      kind: 'lines',
      unit: 's',
      queries: [
        {
          expr: quantile(0.95, 'method, route', 'waybill_http_request_duration_seconds'),
          legend: '{{method}} {{route}}',
        },
      ],
    },
    {
      title: 'Size of files',
      description: 'Of accepted ones.',
      kind: 'lines',
      unit: 'bytes',
      queries: spread('via', 'waybill_received_size_bytes', { legend: '{{via}}' }),
    },
    {
      title: 'Now',
      description: 'Files that are coming in, and clients that follow events.',
      kind: 'lines',
      unit: 'none',
      queries: [
        { expr: `sum(waybill_receptions_in_progress{${OWN}})`, legend: 'receptions' },
        { expr: `sum(waybill_event_streams{${OWN}})`, legend: 'event streams' },
      ],
    },
  ],
};

const deliveries: Row = {
  title: 'Deliveries',
  panels: [
    {
      title: 'Deliveries that ended',
      description: 'By provider and how they ended.',
      kind: 'stacked',
      unit: 'ops',
      queries: [
        {
          expr: perSecond('provider, status', 'file_upload_total', OWN_AT),
          legend: '{{provider}} {{status}}',
        },
      ],
    },
    {
      title: 'From wish to confirmation',
      description: 'Completed deliveries.',
      kind: 'lines',
      unit: 's',
      queries: spread('provider', 'file_upload_duration_seconds', {
        labels: OWN_AT,
        legend: '{{provider}}',
      }),
      limits: [60, 300],
    },
    {
      title: 'Waiting beyond the upload',
      description: "From a file's last byte here to its last byte at the provider.",
      kind: 'lines',
      unit: 's',
      queries: spread('provider', 'waybill_delivery_start_seconds', {
        labels: OWN_AT,
        legend: '{{provider}}',
      }),
    },
    {
      title: 'Failed for good',
      description: 'By code. `provider_rejected` is the fault of the file; the others are for the operator.',
      kind: 'stacked',
      unit: 'ops',
      queries: [
        {
          expr: perSecond('provider, code', 'waybill_delivery_failures_total', OWN_AT),
          legend: '{{provider}} {{code}}',
        },
      ],
    },
    {
      title: 'Tries',
      description: '`retry` will be made again, `unknown` lost its answer.',
      kind: 'stacked',
      unit: 'ops',
      queries: [
        {
          expr: perSecond('provider, outcome', 'waybill_delivery_attempts_total', OWN_AT),
          legend: '{{provider}} {{outcome}}',
        },
      ],
    },
    {
      title: 'Retries',
      description: 'By the code of what went wrong.',
      kind: 'stacked',
      unit: 'ops',
      queries: [
        {
          expr: perSecond('provider, code', 'waybill_delivery_retries_total', OWN_AT),
          legend: '{{provider}} {{code}}',
        },
      ],
    },
    {
      title: 'Bytes sent',
      description: 'To each provider, repeats too.',
      kind: 'stacked',
      unit: 'binBps',
      queries: [
        { expr: perSecond('provider', 'waybill_delivery_bytes_total', OWN_AT), legend: '{{provider}}' },
      ],
    },
    {
      title: 'Size of delivered files',
      description: 'Completed deliveries.',
      kind: 'lines',
      unit: 'bytes',
      queries: spread('provider', 'file_upload_size_bytes', { labels: OWN_AT, legend: '{{provider}}' }),
    },
  ],
};

const queue: Row = {
  title: 'Queue',
  panels: [
    {
      title: 'Oldest delivery that is due',
      description: '0: none is late.',
      kind: 'lines',
      unit: 's',
      queries: [
        {
          expr: `job_provider:waybill_delivery_queue_age_seconds:max{${RECORD_AT}}`,
          legend: '{{provider}}',
        },
      ],
      limits: [300, 900],
    },
    {
      title: 'Deliveries on their way',
      description: 'By provider and state.',
      kind: 'stacked',
      unit: 'none',
      queries: [
        {
          expr: recorded('provider, status', 'waybill_deliveries', RECORD_AT),
          legend: '{{provider}} {{status}}',
        },
      ],
    },
    {
      title: 'Jobs',
      description: 'By queue and state.',
      kind: 'stacked',
      unit: 'none',
      queries: [{ expr: recorded('queue, state', 'waybill_jobs'), legend: '{{queue}} {{state}}' }],
    },
    {
      title: 'Oldest job that may run',
      description: 'By queue.',
      kind: 'lines',
      unit: 's',
      queries: [{ expr: recorded('queue', 'waybill_job_age_seconds'), legend: '{{queue}}' }],
      limits: [600, 1800],
    },
  ],
};

const providers: Row = {
  title: 'Providers',
  panels: [
    {
      title: 'Bytes of the account in use',
      description: 'What Waybill keeps there, of what it may.',
      kind: 'lines',
      unit: 'percentunit',
      queries: [
        { expr: `job_provider:waybill_provider_bytes:used_ratio{${RECORD_AT}}`, legend: '{{provider}}' },
      ],
      limits: [0.8, 0.9],
    },
    {
      title: 'Files of the account in use',
      description: 'What Waybill keeps there, of what it may.',
      kind: 'lines',
      unit: 'percentunit',
      queries: [
        { expr: `job_provider:waybill_provider_files:used_ratio{${RECORD_AT}}`, legend: '{{provider}}' },
      ],
      limits: [0.8, 0.9],
    },
    {
      title: 'Kept there',
      description: 'Bytes, by provider.',
      kind: 'lines',
      unit: 'bytes',
      queries: [
        { expr: recorded('provider', 'waybill_provider_used_bytes', RECORD_AT), legend: '{{provider}}' },
      ],
    },
    {
      title: 'Breaker not closed',
      description: 'Share of the last 10 minutes in which some instance did not send there.',
      kind: 'lines',
      unit: 'percentunit',
      queries: [
        { expr: `job_provider:waybill_breaker_not_closed:share10m{${RECORD_AT}}`, legend: '{{provider}}' },
      ],
      limits: [0.1, 0.5],
    },
    {
      title: 'Breakers open now',
      description: 'Instances whose breaker is open, by provider.',
      kind: 'lines',
      unit: 'none',
      queries: [
        {
          expr: `sum by (provider) (waybill_breaker_state{${OWN_AT}, state="open"})`,
          legend: '{{provider}}',
        },
      ],
    },
    {
      title: 'Calls to providers',
      description: 'By status; `none` had no answer.',
      kind: 'stacked',
      unit: 'reqps',
      queries: [
        {
          expr: perSecond('provider, status', 'waybill_provider_requests_total', OWN_AT),
          legend: '{{provider}} {{status}}',
        },
      ],
    },
    {
      title: 'Time of calls, p95',
      description: 'By provider and operation.',
      kind: 'lines',
      unit: 's',
      queries: [
        {
          expr: quantile(0.95, 'provider, operation', 'waybill_provider_request_duration_seconds', OWN_AT),
          legend: '{{provider}} {{operation}}',
        },
      ],
    },
  ],
};

export const deliveryRows: readonly Row[] = [overview, deliveries, queue, providers];
