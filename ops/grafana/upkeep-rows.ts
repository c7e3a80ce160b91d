/** What goes on beside the way of files: room, passes, admission, and the process itself. */
import { OWN, perSecond, RECORD, RECORD_AT, type Row, recorded, spread, total } from './panel.ts';

const storage: Row = {
  title: 'Storage',
  panels: [
    {
      title: 'Master copies',
      description: 'Each counted once.',
      kind: 'lines',
      unit: 'bytes',
      queries: [{ expr: `max(storage_usage_bytes{${RECORD}})`, legend: 'master copies' }],
    },
    {
      title: 'Disk in use',
      description: 'Of the disk of DATA_DIR. With a bucket only what is coming in rests there.',
      kind: 'lines',
      unit: 'percentunit',
      queries: [{ expr: `instance:waybill_storage:used_ratio{${OWN}}`, legend: '{{instance}}' }],
      limits: [0.8, 0.9],
    },
    {
      title: 'Disk free',
      description: 'On the disk of DATA_DIR.',
      kind: 'lines',
      unit: 'bytes',
      queries: [{ expr: `waybill_storage_free_bytes{${OWN}}`, legend: '{{instance}}' }],
    },
  ],
};

const passes: Row = {
  title: 'Cleanup and reconciliation',
  panels: [
    {
      title: 'Since the last one completed',
      description: 'Dry runs do not count.',
      kind: 'stat',
      unit: 's',
      queries: [
        {
          expr: `time() - job_kind:waybill_pass_last_completed_seconds:max{${RECORD}}`,
          legend: '{{kind}}',
        },
      ],
      limits: [90_000, 172_800],
    },
    {
      title: 'How the last one ended',
      description: '1 for the status that it has.',
      kind: 'lines',
      unit: 'none',
      queries: [
        { expr: recorded('kind, status', 'waybill_pass_last_status'), legend: '{{kind}} {{status}}' },
      ],
    },
    {
      title: 'Passes',
      description: 'In the time shown.',
      kind: 'stat',
      unit: 'short',
      queries: [
        {
          expr: `sum by (kind, status) (increase(waybill_passes_total{${OWN}}[$__range]))`,
          legend: '{{kind}} {{status}}',
        },
      ],
    },
    {
      title: 'Time they took',
      description: 'By kind.',
      kind: 'lines',
      unit: 's',
      queries: spread('kind', 'waybill_pass_duration_seconds', { legend: '{{kind}}' }),
    },
    {
      title: 'Removed by cleanups',
      description: 'By what it was; docs/retention.md explains the names.',
      kind: 'stacked',
      unit: 'ops',
      queries: [{ expr: perSecond('what', 'waybill_cleanup_removed_total'), legend: '{{what}}' }],
    },
    {
      title: 'Removals that wait',
      description: 'Copies whose removal the provider has not confirmed.',
      kind: 'lines',
      unit: 'none',
      queries: [
        { expr: recorded('provider', 'waybill_removals_waiting', RECORD_AT), legend: '{{provider}}' },
      ],
    },
    {
      title: 'Oldest removal that waits',
      description: 'By provider.',
      kind: 'lines',
      unit: 's',
      queries: [
        { expr: recorded('provider', 'waybill_removal_age_seconds', RECORD_AT), legend: '{{provider}}' },
      ],
      limits: [3600, 10_800],
    },
    {
      title: 'Differences found',
      description: 'By the last reconciliation; docs/reconciliation.md explains the kinds.',
      kind: 'lines',
      unit: 'none',
      queries: [
        {
          expr: recorded('provider, kind', 'waybill_reconcile_differences', RECORD_AT),
          legend: '{{provider}} {{kind}}',
        },
      ],
    },
    {
      title: 'Lists that could not be read',
      description: '1: the list was not read or not believed last time.',
      kind: 'lines',
      unit: 'none',
      queries: [
        { expr: recorded('provider', 'waybill_reconcile_unreadable', RECORD_AT), legend: '{{provider}}' },
      ],
      limits: [1, 1],
    },
    {
      title: 'Repairs',
      description: 'By provider and action.',
      kind: 'stacked',
      unit: 'ops',
      queries: [
        {
          expr: perSecond(
            'provider, action',
            'waybill_reconcile_repairs_total',
            `${OWN}, provider=~"$provider"`,
          ),
          legend: '{{provider}} {{action}}',
        },
      ],
    },
  ],
};

const admission: Row = {
  title: 'Admission',
  panels: [
    {
      title: 'Refused for the token',
      description: 'By code.',
      kind: 'stacked',
      unit: 'reqps',
      queries: [{ expr: perSecond('code', 'waybill_auth_refusals_total'), legend: '{{code}}' }],
    },
    {
      title: 'Refused by quota',
      description: 'By the limit that was met.',
      kind: 'stacked',
      unit: 'reqps',
      queries: [{ expr: perSecond('limit', 'waybill_quota_refusals_total'), legend: '{{limit}}' }],
    },
    {
      title: 'Refused by rate limit',
      description: 'Of a user, or of an address without a good token.',
      kind: 'stacked',
      unit: 'reqps',
      queries: [{ expr: perSecond('limit', 'waybill_rate_limited_total'), legend: '{{limit}}' }],
    },
    {
      title: 'Let in without a token',
      description: 'In the time shown, under AUTH_GRACE_UNTIL.',
      kind: 'stat',
      unit: 'short',
      queries: [{ expr: total('waybill_auth_grace_requests_total'), legend: 'requests' }],
      limits: [1, 1_000_000_000],
    },
    {
      title: 'Until grace ends',
      description: 'Empty where AUTH_GRACE_UNTIL is not set.',
      kind: 'stat',
      unit: 's',
      queries: [{ expr: `max(waybill_auth_grace_ends_seconds{${OWN}}) - time()`, legend: 'left' }],
    },
    {
      title: 'MCP calls',
      description: 'By tool and outcome.',
      kind: 'stacked',
      unit: 'reqps',
      queries: [
        { expr: perSecond('tool, outcome', 'waybill_mcp_calls_total'), legend: '{{tool}} {{outcome}}' },
      ],
    },
  ],
};

const processRow: Row = {
  title: 'Process',
  panels: [
    {
      title: 'Memory',
      description: 'Resident, by instance. Uploads of any size take a fixed part of it.',
      kind: 'lines',
      unit: 'bytes',
      queries: [{ expr: `process_resident_memory_bytes{${OWN}}`, legend: '{{instance}}' }],
    },
    {
      title: 'CPU',
      description: 'Processors in use, by instance.',
      kind: 'lines',
      unit: 'none',
      queries: [{ expr: perSecond('instance', 'process_cpu_seconds_total'), legend: '{{instance}}' }],
    },
    {
      title: 'Event-loop lag, p99',
      description: 'How late one in a hundred turns is.',
      kind: 'lines',
      unit: 's',
      queries: [{ expr: `nodejs_eventloop_lag_p99_seconds{${OWN}}`, legend: '{{instance}}' }],
      limits: [0.2, 0.5],
    },
    {
      title: 'Database connections',
      description: '`waiting` are callers in line for one.',
      kind: 'lines',
      unit: 'none',
      queries: [
        {
          expr: `waybill_database_pool_connections{${OWN}}`,
          legend: '{{instance}} {{state}}',
        },
      ],
    },
    {
      title: 'Record',
      description: '1 while the database answers.',
      kind: 'lines',
      unit: 'none',
      queries: [{ expr: `waybill_record_up{${OWN}}`, legend: '{{instance}}' }],
    },
    {
      title: 'Open files',
      description: 'Descriptors, by instance.',
      kind: 'lines',
      unit: 'none',
      queries: [{ expr: `process_open_fds{${OWN}}`, legend: '{{instance}}' }],
    },
    {
      title: 'Versions',
      description: 'Instances by version. `emulated`: no provider has a key.',
      kind: 'stat',
      unit: 'none',
      queries: [
        {
          expr: `sum by (version, emulated) (waybill_build_info{${OWN}})`,
          legend: '{{version}} emulated={{emulated}}',
        },
      ],
    },
  ],
};

export const upkeepRows: readonly Row[] = [storage, passes, admission, processRow];
