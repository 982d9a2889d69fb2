using System.Globalization;
using System.Management.Automation;
using StableDiffusion.Library;
using StableDiffusion.Storage;

namespace SdPowerShell;

/// <summary>Base of the cmdlets that bring models here: what is shown of an import.</summary>
public abstract class ImportingCmdlet : DiffusionCmdlet
{
    private protected const int ActivityId = 3;

    /// <inheritdoc/>
    /// <remarks>Each record is another model, so one that is missing says nothing of the next.</remarks>
    protected override bool EndsPipeline(Exception error) => false;

    /// <summary>Shows the progress of an import.</summary>
    /// <param name="progress">The progress.</param>
    private protected void Report(ProgressReport progress) =>
        WriteProgress(new ProgressRecord(ActivityId, progress.Activity, progress.CountsBytes ? $"{ByteSize.Format(progress.Done)} of {ByteSize.Format(progress.Total)}" : progress.Detail)
        {
            CurrentOperation = progress.Detail,
            PercentComplete = (int)(100 * progress.Fraction),
            SecondsRemaining = progress.Remaining is TimeSpan remaining ? (int)Math.Ceiling(remaining.TotalSeconds) : -1,
        });

    /// <summary>Takes the progress away.</summary>
    /// <param name="activity">What was done.</param>
    private protected void EndProgress(string activity)
    {
        if (!Stopping)
            WriteProgress(new ProgressRecord(ActivityId, activity, "done") { RecordType = ProgressRecordType.Completed });
    }

    /// <summary>Tells in the verbose stream what an import found and did.</summary>
    /// <param name="import">The import.</param>
    private protected void WriteFindings(ModelImport import)
    {
        string source = Path.GetFileName(import.Source);
        foreach (string finding in import.Findings)
            WriteVerbose($"{source}: {finding}");
        WriteVerbose(string.Create(CultureInfo.CurrentCulture, $"{import.Name}: {ByteSize.Format(import.SourceLength)} read, {ByteSize.Format(import.Length)} {(import.WasThere ? "were there already" : "written")}, {import.Elapsed.TotalSeconds:N1} s."));
    }
}
