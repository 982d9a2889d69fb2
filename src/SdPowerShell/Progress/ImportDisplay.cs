using System.Globalization;
using System.Management.Automation;
using StableDiffusion.Library;
using StableDiffusion.Storage;

namespace SdPowerShell.Progress;

/// <summary>The progress and the results of an import, for the cmdlets that import models.</summary>
/// <param name="cmdlet">The cmdlet.</param>
internal sealed class ImportDisplay(DiffusionCmdlet cmdlet)
{
    /// <summary>The number of the progress bar.</summary>
    public const int ActivityId = 3;

    /// <summary>Shows the progress of an import.</summary>
    /// <param name="progress">The progress.</param>
    public void Report(ProgressReport progress)
    {
        if (progress.Note is string note)
            cmdlet.WriteVerbose(note);
        cmdlet.WriteProgress(new ProgressRecord(ActivityId, progress.Activity, progress.CountsBytes ? $"{ByteSize.Format(progress.Done)} of {ByteSize.Format(progress.Total)}" : progress.Detail)
        {
            CurrentOperation = progress.Detail,
            PercentComplete = (int)(100 * progress.Fraction),
            SecondsRemaining = progress.Remaining is TimeSpan remaining ? (int)Math.Ceiling(remaining.TotalSeconds) : -1,
        });
    }

    /// <summary>Removes the progress bar.</summary>
    /// <param name="activity">The activity.</param>
    public void Complete(string activity)
    {
        if (!cmdlet.Stopping)
            cmdlet.WriteProgress(new ProgressRecord(ActivityId, activity, "done") { RecordType = ProgressRecordType.Completed });
    }

    /// <summary>Writes the findings and the result of an import to the verbose stream.</summary>
    /// <param name="import">The import.</param>
    public void WriteFindings(ModelImport import)
    {
        string source = Path.GetFileName(import.Source);
        foreach (string finding in import.Findings)
            cmdlet.WriteVerbose($"{source}: {finding}");
        cmdlet.WriteVerbose(string.Create(CultureInfo.CurrentCulture, $"{import.Name}: {ByteSize.Format(import.SourceLength)} read, {ByteSize.Format(import.Length)} {(import.WasThere ? "existed already" : "written")}, {import.Elapsed.TotalSeconds:N1} s."));
    }
}
