using System.Management.Automation;
using SdPowerShell.Parameters;
using StableDiffusion;
using StableDiffusion.Batches;
using StableDiffusion.Images;
using StableDiffusion.Settings;

namespace SdPowerShell.Batches;

/// <summary>The journal of a run: a line for each image when the work on it ends.</summary>
internal sealed class RunJournal
{
    private readonly DiffusionCmdlet _cmdlet;
    private readonly string _path;

    private RunJournal(DiffusionCmdlet cmdlet, string path) => (_cmdlet, _path) = (cmdlet, path);

    /// <summary>Opens a journal, which is created if it does not exist.</summary>
    /// <param name="cmdlet">The cmdlet that makes the images, or reads their rows.</param>
    /// <param name="path">The path from the user.</param>
    /// <exception cref="OutputWriteException">The file cannot be written.</exception>
    public static RunJournal Open(DiffusionCmdlet cmdlet, string path)
    {
        string full = PathHelper.ResolveOutput(cmdlet, path);
        Journal.Check(full, cmdlet.CancellationToken);
        return new RunJournal(cmdlet, full);
    }

    /// <summary>Adds a line for an image.</summary>
    /// <param name="image">The image.</param>
    /// <param name="status">Whether it was made, or was there.</param>
    /// <param name="time">How long it took.</param>
    public void Add(DiffusionImage image, JournalStatus status, TimeSpan time) => Add(new JournalEntry
    {
        Time = DateTimeOffset.Now,
        Status = status,
        Row = _cmdlet.Subject,
        File = image.Path,
        Settings = image.Info,
        Pixels = image.Info.Stages?.Output ?? (status == JournalStatus.Made ? StageList.Hash<byte>(image.Pixels) : null),
        Seconds = Math.Round(time.TotalSeconds, 3),
        Device = image.Info.Stages?.Select(static stage => stage.Made?.Device).LastOrDefault(static device => device is not null),
    });

    /// <summary>Adds a line for the error of a record.</summary>
    /// <param name="record">The error.</param>
    /// <param name="row">The record in words; null for the one that the cmdlet is at work on.</param>
    public void Add(ErrorRecord record, string? row = null) => Add(new JournalEntry
    {
        Time = DateTimeOffset.Now,
        Status = JournalStatus.Failed,
        Row = row ?? _cmdlet.Subject,
        ErrorId = record.FullyQualifiedErrorId.Split(',')[0],
        Message = PrintableText.Of(record.ErrorDetails?.Message ?? record.Exception.Message),
    });

    private void Add(JournalEntry entry)
    {
        try
        {
            Journal.Append(_path, entry, _cmdlet.CancellationToken);
        }
        catch (OutputWriteException error)
        {
            // The image is there; only the line about it is not.
            _cmdlet.WriteWarning(error.Message);
        }
        catch (OperationCanceledException)
        {
            // The pipeline is being stopped.
        }
    }
}
