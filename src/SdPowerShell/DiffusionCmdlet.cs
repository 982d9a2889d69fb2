using System.Globalization;
using System.Management.Automation;
using SdPowerShell.Errors;
using SdPowerShell.Parameters;
using SdPowerShell.Records;
using StableDiffusion;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Library;
using StableDiffusion.Metadata;
using StableDiffusion.Storage;

namespace SdPowerShell;

/// <summary>
/// Base of all cmdlets of the module: the work stops when the user stops the pipeline, and the engine's errors
/// become error records in one place.
/// </summary>
public abstract class DiffusionCmdlet : PSCmdlet, IDisposable
{
    private const int LongestActivity = 300;
    private const int LoadingActivityId = 1;

    private readonly CancellationTokenSource _cancellation = new();
    private int _latents;

    /// <summary>Canceled when the pipeline is stopped; passed to all long-running work.</summary>
    protected internal CancellationToken CancellationToken { get; }

    /// <summary>The current object from the pipeline; null if there is none, or if it does not matter.</summary>
    internal InputRecord? Input { get; set; }

    /// <summary>The subject of errors and warnings, such as one of many rows; null if their text has it anyway.</summary>
    internal string? Subject { get; set; }

    /// <summary>Initializes the cmdlet.</summary>
    protected DiffusionCmdlet()
    {
        // Kept separately, so that it can be read after its source is disposed.
        CancellationToken = _cancellation.Token;
    }

    /// <summary>Releases the resources of the cmdlet. PowerShell calls it no matter how the pipeline ends.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases the resources of the cmdlet.</summary>
    /// <param name="disposing">False if called by a finalizer.</param>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
            _cancellation.Dispose();
    }

    /// <summary>Called by PowerShell on another thread when the pipeline is stopped. Only cancels.</summary>
    protected sealed override void StopProcessing()
    {
        try
        {
            _cancellation.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The pipeline ended by itself at the same moment.
        }
    }

    /// <summary>
    /// Does the work for one record and writes the engine's errors as error records: one that ends the pipeline if
    /// <see cref="EndsPipeline"/> says so, otherwise one after which processing continues with the next record. Any other
    /// exception is a defect of the module: it becomes an error of the record too, UnexpectedError, since one record must not
    /// end the work on thousands of others.
    /// </summary>
    /// <param name="target">The input of the work; the target of an error record.</param>
    /// <param name="work">The work. It runs on this thread, so it may write to the pipeline.</param>
    /// <returns>True if the work was done, false if an error was written or the pipeline is being stopped.</returns>
    protected internal bool ProcessOne(object? target, Action work)
    {
        ArgumentNullException.ThrowIfNull(work);
        ErrorRecord? record = null;
        bool ends = false;
        try
        {
            work();
            return true;
        }
        catch (OperationCanceledException) when (CancellationToken.IsCancellationRequested)
        {
            return false;
        }
        catch (RecordException error)
        {
            record = Subject is null ? error.Record : DiffusionError.Of(error.Record, Subject, Input is null ? target : Input.Value);
        }
        catch (DiffusionException error)
        {
            ends = EndsPipeline(error);
            if (!ends)
                error.Subject = Subject;
            record = DiffusionError.ToErrorRecord(error, Input is null ? target : Input.Value, MyInvocation.MyCommand);
        }
        catch (Exception error) when (error is not (FlowControlException or IContainsErrorRecord))
        {
            // PowerShell's own exceptions end the pipeline: a preference, a stop, or a command that needs no more objects.
            record = DiffusionError.Unexpected(error, Subject, Input is null ? target : Input.Value);
        }

        // Not in a catch block, which still has the calls on the stack that led to the error.
        if (ends)
        {
            OnFailure(record);
            OnEnd();
            ThrowTerminatingError(record);
        }

        WriteFailure(record);
        return false;
    }

    /// <summary>Does what no record can succeed without. Its error ends the pipeline.</summary>
    /// <param name="target">The input of the work; the target of the error.</param>
    /// <param name="work">The work.</param>
    private protected void Require(object? target, Action work)
    {
        try
        {
            work();
        }
        catch (RecordException error)
        {
            ThrowTerminatingError(error.Record);
        }
        catch (DiffusionException error)
        {
            ThrowTerminatingError(DiffusionError.ToErrorRecord(error, target, MyInvocation.MyCommand));
        }
    }

    /// <summary>Does the work for each latent of a record.</summary>
    /// <param name="latents">The latents.</param>
    /// <param name="work">The work, as for <see cref="ProcessOne"/>.</param>
    private protected void ForEach(Latent[] latents, Action<Latent> work)
    {
        foreach (Latent latent in latents)
        {
            Subject = InputRecord.DescribeItem("Latent", _latents++, latent.Prompt);
            ProcessOne(latent, () => work(latent));
        }
    }

    /// <summary>Reads the image of a file with its settings, and writes the warnings about them.</summary>
    /// <param name="file">The full path of the file.</param>
    /// <param name="warns">Whether the warnings are written.</param>
    private protected DiffusionImage LoadImage(string file, bool warns = true)
    {
        (DiffusionImage image, IReadOnlyList<string> warnings) = MetadataReader.LoadImage(file, CancellationToken);
        foreach (string warning in warns ? warnings : [])
            WarnOf(file, warning);
        return image;
    }

    /// <summary>Writes the error of a record.</summary>
    /// <param name="record">The error.</param>
    private protected void WriteFailure(ErrorRecord record)
    {
        OnFailure(record);
        Deliver(() => WriteError(record));
    }

    /// <summary>Writes an object, an error or a warning. A cmdlet that works on later records first keeps it until its turn.</summary>
    /// <param name="write">Writes it.</param>
    private protected virtual void Deliver(Action write) => write();

    /// <summary>Called before an error that ends the pipeline is thrown.</summary>
    private protected virtual void OnEnd()
    {
    }

    /// <summary>Called before the error of a record is written.</summary>
    /// <param name="record">The error.</param>
    private protected virtual void OnFailure(ErrorRecord record)
    {
    }

    /// <summary>Writes a warning that begins with the record it is about.</summary>
    /// <param name="message">The warning.</param>
    internal void Warn(string message) => WriteWarning(Subject is null ? message : $"{Subject}: {message}");

    /// <summary>Writes a warning about a file.</summary>
    /// <param name="file">The full path of the file; empty for none.</param>
    /// <param name="warning">The warning.</param>
    private protected void WarnOf(string file, string warning) => WriteWarning(file.Length == 0 ? warning : $"{Path.GetFileName(file)}: {warning}");

    /// <summary>What to say of a model that a file names and that is not there.</summary>
    /// <param name="model">The model's name, or a path of the user; null if unknown.</param>
    /// <returns>The warning; null if there is nothing to say.</returns>
    private protected static string? MissingModel(string? model) => model is null || ModelLibrary.Default.Models.Contains(model) || Path.IsPathFullyQualified(model)
        ? null
        : PrintableText.Of($"The model '{model}' was not found among the models that Get-DiffusionModel lists; another model gives a different image. If you have it elsewhere, give its path with -Model.");

    /// <summary>Writes a warning that is safe to show, whatever names of foreign files and prompts it holds.</summary>
    /// <param name="text">The warning.</param>
    internal new virtual void WriteWarning(string text) => Deliver(() => base.WriteWarning(PrintableText.Of(text)));

    /// <summary>Writes to the verbose stream, as <see cref="WriteWarning"/> does.</summary>
    /// <param name="text">The text.</param>
    internal new void WriteVerbose(string text) => base.WriteVerbose(PrintableText.Of(text));

    /// <summary>Shows progress whose texts are safe to show.</summary>
    /// <param name="record">The record, which is changed.</param>
    internal new void WriteProgress(ProgressRecord record)
    {
        record.Activity = PrintableText.Of(record.Activity, LongestActivity);
        record.StatusDescription = PrintableText.Of(record.StatusDescription, LongestActivity);
        if (record.CurrentOperation is string operation)
            record.CurrentOperation = PrintableText.Of(operation, LongestActivity);
        base.WriteProgress(record);
    }

    /// <summary>Shows the progress of something that is opened, built or run in parts.</summary>
    /// <param name="progress">The progress.</param>
    internal void ReportLoading(ProgressReport progress)
    {
        ProgressRecord record = new(LoadingActivityId, progress.Activity, progress.Detail)
        {
            PercentComplete = (int)(progress.Fraction * 100),
            RecordType = progress.IsLast ? ProgressRecordType.Completed : ProgressRecordType.Processing,
        };
        WriteProgress(record);
        if (progress.Note is string note)
            WriteVerbose(note);
        else if (progress.IsLast)
            WriteVerbose(string.Create(CultureInfo.CurrentCulture, $"{progress.Activity}: {progress.Elapsed.TotalMilliseconds:N0} ms."));
    }

    /// <summary>Asks as PowerShell does whether to do something, in words that are safe to show.</summary>
    /// <param name="target">What it is done to.</param>
    /// <param name="action">What is done.</param>
    internal new bool ShouldProcess(string target, string action) => base.ShouldProcess(PrintableText.Of(target), action);

    /// <summary>The full path of the single file that a parameter of a record names; to be used within <see cref="ProcessOne"/>.</summary>
    /// <param name="path">The path from the user; wildcard characters are taken literally.</param>
    /// <returns>The full path of an existing file, or of an existing folder if one was given.</returns>
    internal string ResolveFile(string path)
    {
        string full = ResolveOutput(path);
        return Path.Exists(full) ? full : throw new RecordException(DiffusionError.PathNotFound(path, PathHelper.FindMatch(this, path)));
    }

    /// <summary>The full path of an output file or folder; to be used within <see cref="ProcessOne"/>.</summary>
    /// <param name="path">The path from the user; wildcard characters are taken literally.</param>
    /// <returns>The full path, which need not exist.</returns>
    internal string ResolveOutput(string path) => PathHelper.ResolveOutput(this, path);

    /// <summary>A model's name, or the full path of the model folder or file.</summary>
    /// <param name="model">What the user gave.</param>
    /// <returns>The name or path for the engine; the unchanged input if it is neither.</returns>
    private protected string? ResolveModel(string? model) =>
        string.IsNullOrEmpty(model) || ModelLibrary.Default.Models.Contains(model) ? model : PathHelper.FindExisting(this, model) ?? model;

    /// <summary>
    /// Whether no later record can succeed after this error: the model or the device is missing, the disk is full, or the process is to end. A cmdlet whose
    /// records are themselves models overrides this.
    /// </summary>
    /// <param name="error">An error of the engine, a <c>DiffusionException</c>.</param>
    /// <returns>True if the error ends the pipeline.</returns>
    protected virtual bool EndsPipeline(Exception error) => error is ModelNotFoundException or DeviceUnavailableException or DiskFullException or WorkInterruptedException;
}
