/** Reports options in MALLOC_CONF that jemalloc does not know or cannot read. */
import { replaceValue } from '../fixProposals.ts';
import { nearest } from '../nearestName.ts';
import { defineRule } from '../rule.ts';
import { literalText, setsVariable, valueAnchor } from '../settingText.ts';

/** The `opt.*` names of jemalloc 5.3 that MALLOC_CONF takes. */
const OPTIONS = (
  'abort abort_conf cache_oblivious trust_madvise confirm_conf hpa hpa_slab_max_alloc hpa_hugification_threshold hpa_hugify_delay_ms hpa_min_purge_interval_ms hpa_dirty_mult hpa_sec_nshards hpa_sec_max_alloc hpa_sec_max_bytes hpa_sec_bytes_after_flush hpa_sec_batch_fill_extra ' +
  'metadata_thp retain dss narenas oversize_threshold percpu_arena background_thread max_background_threads dirty_decay_ms muzzy_decay_ms mutex_max_spin stats_interval stats_interval_opts stats_print stats_print_opts ' +
  'junk zero utrace xmalloc tcache tcache_max lg_tcache_max tcache_nslots_small_min tcache_nslots_small_max tcache_nslots_large lg_tcache_nslots_mul tcache_gc_incr_bytes tcache_gc_delay_bytes lg_tcache_flush_small_div lg_tcache_flush_large_div ' +
  'thp prof prof_prefix prof_active prof_thread_active_init lg_prof_sample lg_prof_interval prof_gdump prof_final prof_leak prof_leak_error prof_accum prof_unbias prof_recent_alloc_max prof_stats prof_sys_thread_name prof_time_resolution ' +
  'lg_extent_max_active_fit slab_sizes bin_shards debug_double_free_max_scan san_guard_small san_guard_large uaf_ptrs malloc_conf_env_var safety_check_abort zero_realloc'
).split(' ');

export const rule = defineRule({
  id: 'malloc-conf-invalid',
  family: 'allocator',
  severity: 'warning',
  stage: 'stable',
  since: '0.1.0',
  fix: 'review',
  needs: 'file',
  summary: 'MALLOC_CONF has an option that jemalloc refuses.',
  sources: ['measured: jemalloc 5.3.0', 'https://jemalloc.net/jemalloc.3.html'],
  messages: {
    unknown: '"{option}" is not a jemalloc option: jemalloc prints "Invalid conf pair: {pair}" and goes on without it.{suggestion}',
    malformed: '"{pair}" is not written `option:value`: jemalloc prints "Malformed conf string" and ignores the rest of MALLOC_CONF.',
  },
  check({ file }, report) {
    for (const fact of file.facts) {
      if (!setsVariable(fact, 'MALLOC_CONF')) continue;
      const text = literalText(fact);
      if (text === null || text.trim() === '') continue;
      for (const pair of text.split(',').filter((part) => part !== '')) {
        const match = /^([^:]+):(.*)$/.exec(pair.trim());
        const at = valueAnchor(file.uri, fact);
        if (!match) {
          const repaired = /^(\w+)=(\w+)$/.exec(pair.trim());
          const fixes = repaired && OPTIONS.includes(repaired[1] ?? '') ? [replaceValue(file.uri, fact, text.replace(pair, `${repaired[1]}:${repaired[2]}`), 'review')] : [];
          report({ messageId: 'malformed', args: { pair: pair.trim() }, at, fixes });
          break;
        }
        const option = match[1] ?? '';
        if (OPTIONS.includes(option)) continue;
        const meant = nearest(option, OPTIONS, 2);
        report({
          messageId: 'unknown',
          args: { option, pair: pair.trim(), suggestion: meant === null ? '' : ` Did you mean "${meant}"?` },
          at,
          fixes: meant === null ? [] : [replaceValue(file.uri, fact, text.replace(pair, pair.replace(option, meant)), 'review')],
        });
      }
    }
  },
});
