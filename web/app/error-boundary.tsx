import { Component, type ReactNode } from 'react';
import { PageHeader } from '../ui/page-header.tsx';
import { Problem } from '../ui/problem.tsx';

/** Keeps a fault in one page from taking the others with it. Only a class can be one in React. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state: { error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === null) return this.props.children;
    // A page of a version that is no longer served cannot be loaded; the new one can.
    return (
      <>
        <PageHeader title="This page cannot be shown" />
        <Problem error={error} onRetry={() => location.reload()} />
      </>
    );
  }
}
