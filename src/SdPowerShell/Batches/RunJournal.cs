using System.Management.Automation;
using StableDiffusion;
using StableDiffusion.Batches;
using StableDiffusion.Images;
using StableDiffusion.Settings;

namespace SdPowerShell.Batches;

/// <summary>The journal of a run: a line for each image when the work on it ends.</summary>
/// <param name="cmdlet">The cmdlet that makes the images.</param>
/// <param name="path">The full path of the file.</param>
internal sealed class RunJournal(DiffusionCmdlet cmdlet, string path)
{
    /// <summary>Adds a line for an image.</summary>
    /// <param name="image">The image.</param>
    /// <param name="status">Whether it was made, or was there.</param>
    /// <param name="time">How long it took.</param>
    public void Add(DiffusionImage image, JournalStatus status, TimeSpan time) => Add(new JournalEntry
    {
        Time = DateTimeOffset.Now,
        Status = status,
        Row = cmdlet.Subject,
        File = image.Path,
        Settings = image.Info,
        Pixels = image.Info.Stages?.Output ?? (status == JournalStatus.Made ? StageList.Hash<byte>(image.Pixels) : null),
        Seconds = Math.Round(time.TotalSeconds, 3),
        Device = image.Info.Stages?.Select(static stage => stage.Made?.Device).LastOrDefault(static device => device is not null),
    });

    /// <summary>Adds a line for the error of a record.</summary>
    /// <param name="record">The error.</param>
    public void Add(ErrorRecord record) => Add(new JournalEntry
    {
        Time = DateTimeOffset.Now,
        Status = JournalStatus.Failed,
        Row = cmdlet.Subject,
        ErrorId = record.FullyQualifiedErrorId.Split(',')[0],
        Message = PrintableText.Of(record.ErrorDetails?.Message ?? record.Exception.Message),
    });

    private void Add(JournalEntry entry)
    {
        try
        {
            Journal.Append(path, entry, cmdlet.CancellationToken);
        }
        catch (OutputWriteException error)
        {
            // The image is there; only the line about it is not.
            cmdlet.WriteWarning(error.Message);
        }
        catch (OperationCanceledException)
        {
            // The pipeline is being stopped.
        }
    }
}
