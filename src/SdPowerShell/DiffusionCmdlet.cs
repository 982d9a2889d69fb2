using System.Management.Automation;
using StableDiffusion;
using StableDiffusion.Library;

namespace SdPowerShell;

/// <summary>
/// What all cmdlets of the module share: the work stops when the user stops the pipeline, and the engine's errors
/// become error records in one place.
/// </summary>
public abstract class DiffusionCmdlet : PSCmdlet, IDisposable
{
    private readonly CancellationTokenSource _cancellation = new();

    /// <summary>Cancelled when the pipeline is stopped; to be passed to whatever takes long.</summary>
    protected CancellationToken CancellationToken { get; }

    /// <summary>The object of the pipeline that is worked on; null where there is none, or it does not matter.</summary>
    private protected InputRecord? Input { get; set; }

    /// <summary>What errors and warnings are about, such as one of many rows; null for what is in their text anyway.</summary>
    private protected string? Subject { get; set; }

    /// <summary>Makes the cmdlet.</summary>
    protected DiffusionCmdlet()
    {
        // Kept apart from its source, so that it can be asked after the source is disposed.
        CancellationToken = _cancellation.Token;
    }

    /// <summary>Releases what the cmdlet holds. PowerShell calls it however the pipeline ends.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases what the cmdlet holds.</summary>
    /// <param name="disposing">True unless a finalizer calls.</param>
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
    /// Does the work for one record and turns the engine's errors into error records: one that ends the pipeline if
    /// <see cref="EndsPipeline"/> says so, otherwise one that lets the next record have its turn. Anything but an
    /// error of the engine passes through as it is, since it is a defect.
    /// </summary>
    /// <param name="target">The input that the work is about; the error record's target.</param>
    /// <param name="work">The work. It runs on this thread, so it may write to the pipeline.</param>
    /// <returns>True if the work was done, false if an error was written or the pipeline is being stopped.</returns>
    protected bool ProcessOne(object? target, Action work)
    {
        ArgumentNullException.ThrowIfNull(work);
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
            WriteError(Subject is null ? error.Record : DiffusionError.Of(error.Record, Subject, Input is null ? target : Input.Value));
            return false;
        }
        catch (DiffusionException error)
        {
            bool ends = EndsPipeline(error);
            if (!ends)
                error.Subject = Subject;
            ErrorRecord record = DiffusionError.ToErrorRecord(error, Input is null ? target : Input.Value, MyInvocation.MyCommand);
            if (ends)
                ThrowTerminatingError(record);
            WriteError(record);
            return false;
        }
    }

    /// <summary>Writes a warning that says which record it is about.</summary>
    /// <param name="message">The warning.</param>
    private protected void Warn(string message) => WriteWarning(Subject is null ? message : $"{Subject}: {message}");

    /// <summary>The full path of the one file that a parameter of a record names; to be used within <see cref="ProcessOne"/>.</summary>
    /// <param name="path">The path as the user gave it; wildcard characters stand for themselves.</param>
    /// <returns>The full path of a file, or of a folder that was named in its place, that exists.</returns>
    private protected string ResolveFile(string path)
    {
        string full = ResolveOutput(path);
        return Path.Exists(full) ? full : throw new RecordException(DiffusionError.PathNotFound(path));
    }

    /// <summary>The full path of what is to be written; to be used within <see cref="ProcessOne"/>.</summary>
    /// <param name="path">The path as the user gave it; wildcard characters stand for themselves.</param>
    /// <returns>The full path, of something that need not exist.</returns>
    private protected string ResolveOutput(string path) => PathHelper.ResolveOutput(this, path);

    /// <summary>A model's name, or the full path of the folder or file that the user named in its place.</summary>
    /// <param name="model">What the user gave.</param>
    /// <returns>What the engine takes; as it was given where it is neither.</returns>
    private protected string? ResolveModel(string? model)
    {
        if (string.IsNullOrEmpty(model) || ModelLibrary.Default.Models.Contains(model))
            return model;

        try
        {
            string path = ResolveOutput(model);
            return Path.Exists(path) ? path : model;
        }
        catch (RecordException)
        {
            // No path of the file system; the engine says which models there are.
            return model;
        }
    }

    /// <summary>
    /// Whether no later record can succeed after this error: the model or the device is missing. A cmdlet whose
    /// records are themselves models says otherwise.
    /// </summary>
    /// <param name="error">An error of the engine, a <c>DiffusionException</c>.</param>
    /// <returns>True if the error ends the pipeline.</returns>
    protected virtual bool EndsPipeline(Exception error) => error is ModelNotFoundException or DeviceUnavailableException;
}
