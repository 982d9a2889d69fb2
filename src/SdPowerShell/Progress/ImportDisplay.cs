using System.Globalization;
using System.Management.Automation;
using StableDiffusion.Library;
using StableDiffusion.Storage;

namespace SdPowerShell.Progress;

/// <summary>What a cmdlet that brings models here shows of an import.</summary>
/// <param name="cmdlet">The cmdlet.</param>
internal sealed class ImportDisplay(Cmdlet cmdlet)
{
    /// <summary>The number of the progress bar.</summary>
    public const int ActivityId = 3;

    // A console draws more slowly than a disk reads.
    private const int IntervalMilliseconds = 200;

    private long _nextReport;

    /// <summary>Shows the progress of an import, a few times a second.</summary>
    public void Report(ImportProgress progress)
    {
        long now = Environment.TickCount64;
        if (now < _nextReport)
            return;

        _nextReport = now + IntervalMilliseconds;
        cmdlet.WriteProgress(new ProgressRecord(ActivityId, progress.Activity, progress.CountsBytes ? $"{ByteSize.Format(progress.Done)} of {ByteSize.Format(progress.Total)}" : progress.Part)
        {
            CurrentOperation = progress.Part,
            PercentComplete = progress.Total == 0 ? 100 : (int)(100 * progress.Done / progress.Total),
            SecondsRemaining = progress.Remaining is TimeSpan remaining ? (int)Math.Ceiling(remaining.TotalSeconds) : -1,
        });
    }

    /// <summary>Removes the progress bar.</summary>
    public void Complete(string activity)
    {
        if (!cmdlet.Stopping)
            cmdlet.WriteProgress(new ProgressRecord(ActivityId, activity, "done") { RecordType = ProgressRecordType.Completed });
    }

    /// <summary>Writes the findings and figures of an import to the verbose stream.</summary>
    public void WriteFindings(ModelImport import)
    {
        string source = Path.GetFileName(import.Source);
        foreach (string finding in import.Findings)
            cmdlet.WriteVerbose($"{source}: {finding}");
        cmdlet.WriteVerbose(string.Create(CultureInfo.CurrentCulture, $"{import.Name}: {ByteSize.Format(import.SourceLength)} read, {ByteSize.Format(import.Length)} {(import.WasThere ? "existed already" : "written")}, {import.Elapsed.TotalSeconds:N1} s."));
    }
}
