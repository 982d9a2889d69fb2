using System.Globalization;
using System.Management.Automation;
using StableDiffusion.Library;
using StableDiffusion.Storage;

namespace SdPowerShell;

/// <summary>Base of the cmdlets that import models: the progress and the findings of an import.</summary>
public abstract class ImportingCmdlet : DiffusionCmdlet
{
    private protected const int ActivityId = 3;

    // A console draws more slowly than a disk reads.
    private const int IntervalMilliseconds = 200;

    private long _nextReport;

    /// <inheritdoc/>
    /// <remarks>Each record is another model, so a missing one does not affect the next record.</remarks>
    protected override bool EndsPipeline(Exception error) => false;

    /// <summary>Shows the progress of an import, a few times a second.</summary>
    private protected void Report(ImportProgress progress)
    {
        long now = Environment.TickCount64;
        if (now < _nextReport)
            return;

        _nextReport = now + IntervalMilliseconds;
        WriteProgress(new ProgressRecord(ActivityId, progress.Activity, progress.CountsBytes ? $"{ByteSize.Format(progress.Done)} of {ByteSize.Format(progress.Total)}" : progress.Part)
        {
            CurrentOperation = progress.Part,
            PercentComplete = progress.Total == 0 ? 100 : (int)(100 * progress.Done / progress.Total),
            SecondsRemaining = progress.Remaining is TimeSpan remaining ? (int)Math.Ceiling(remaining.TotalSeconds) : -1,
        });
    }

    /// <summary>Removes the progress bar.</summary>
    private protected void EndProgress(string activity)
    {
        if (!Stopping)
            WriteProgress(new ProgressRecord(ActivityId, activity, "done") { RecordType = ProgressRecordType.Completed });
    }

    /// <summary>Writes the findings and figures of an import to the verbose stream.</summary>
    private protected void WriteFindings(ModelImport import)
    {
        string source = Path.GetFileName(import.Source);
        foreach (string finding in import.Findings)
            WriteVerbose($"{source}: {finding}");
        WriteVerbose(string.Create(CultureInfo.CurrentCulture, $"{import.Name}: {ByteSize.Format(import.SourceLength)} read, {ByteSize.Format(import.Length)} {(import.WasThere ? "existed already" : "written")}, {import.Elapsed.TotalSeconds:N1} s."));
    }
}
