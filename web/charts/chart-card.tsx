import { ChartColumn, Table2 } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { TimeChart, type TimeChartProps } from './time-chart.tsx';
import { TimeTable } from './time-table.tsx';

/** A chart with its title, which can also be read as a table. */
export const ChartCard = (chart: TimeChartProps): ReactNode => {
  const [isTable, setTable] = useState(false);
  const label = isTable ? `Show ${chart.title} as a chart` : `Show ${chart.title} as a table`;
  return (
    <Card
      title={chart.title}
      actions={
        <Button
          kind="quiet"
          size="s"
          icon={isTable ? ChartColumn : Table2}
          aria-label={label}
          title={label}
          onClick={() => setTable(!isTable)}
        />
      }
    >
      {isTable ? <TimeTable {...chart} /> : <TimeChart {...chart} />}
    </Card>
  );
};
