namespace StableDiffusion;

/// <summary>
/// The base of all errors that this library raises. The message names the input at fault and says what to do about it,
/// and can be shown to the user as it is: it is one line of at most 2,000 characters, whatever names it holds.
/// </summary>
public abstract class DiffusionException : Exception
{
    /// <summary>Initializes the error.</summary>
    /// <param name="message">What is wrong with which input, and what to do.</param>
    /// <param name="innerException">The cause, if another error led to this one.</param>
    protected DiffusionException(string message, Exception? innerException = null)
        : base(PrintableText.Of(message), innerException)
    {
    }

    /// <summary>What the error is about, such as one of many rows; it precedes the message. Null if not set.</summary>
    public string? Subject { get; set; }

    /// <summary>What helps against the error, for a host that has a command for it.</summary>
    internal Remedy Remedy { get; init; }

    /// <inheritdoc/>
    public override string Message => Subject is null ? base.Message : PrintableText.Of($"{Subject}: {base.Message}");
}

/// <summary>A model, or a part of a model, was not found.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
/// <param name="innerException">The cause, if any.</param>
public sealed class ModelNotFoundException(string message, Exception? innerException = null)
    : DiffusionException(message, innerException);

/// <summary>A file of a model is damaged, contradicts the model's configuration, or has an unsupported format.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
/// <param name="innerException">The cause, if any.</param>
public sealed class ModelInvalidException(string message, Exception? innerException = null)
    : DiffusionException(message, innerException);

/// <summary>A file of a model asks for code to be run, or for an object that is not part of a tensor. Nothing of it was run.</summary>
/// <param name="path">The full path of the file.</param>
/// <param name="opcode">The pickle opcode at fault, by the name that Python's <c>pickletools</c> gives it.</param>
/// <param name="globalName">The function or class that it asks for, or the object that it works on.</param>
/// <param name="position">The position of the opcode, in bytes from the start of the file.</param>
public sealed class UnsafeFileException(string path, string opcode, string globalName, long position)
    : DiffusionException(
        $"'{path}' was refused, and nothing of it was run: at byte {position} the opcode {opcode} asks for '{globalName}', " +
        "which no file of tensors needs. Such a file can hold a virus. Get the model as a safetensors file, or from a source that you trust.")
{
    /// <summary>The pickle opcode at fault, such as <c>GLOBAL</c> or <c>REDUCE</c>.</summary>
    public string Opcode { get; } = opcode;

    /// <summary>The function or class that was asked for, such as <c>os.system</c>.</summary>
    public string Global { get; } = globalName;

    /// <summary>The position of the opcode, in bytes from the start of the file.</summary>
    public long Position { get; } = position;
}

/// <summary>A latent or an embedding has a shape that the model does not accept.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
public sealed class ShapeMismatchException(string message) : DiffusionException(message);

/// <summary>A latent or an embedding holds a value that is not a finite number.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
public sealed class NotFiniteException(string message) : DiffusionException(message);

/// <summary>A file is not that of a latent, or is damaged.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
/// <param name="innerException">The cause, if any.</param>
public sealed class LatentInvalidException(string message, Exception? innerException = null)
    : DiffusionException(message, innerException);

/// <summary>A file is not that of a prompt's embedding, or is damaged.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
/// <param name="innerException">The cause, if any.</param>
public sealed class EmbeddingInvalidException(string message, Exception? innerException = null)
    : DiffusionException(message, innerException);

/// <summary>A file cannot be read as an image, or an image is not suitable for its use.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
/// <param name="innerException">The cause, if any.</param>
public sealed class ImageInvalidException(string message, Exception? innerException = null)
    : DiffusionException(message, innerException);

/// <summary>The file or the model's folder to write already exists and may not be replaced.</summary>
/// <param name="path">The full path of the file or folder.</param>
/// <param name="model">The model's name if the user named a model, not a path; otherwise null.</param>
public sealed class OutputExistsException(string path, string? model = null)
    : DiffusionException($"{(model is null ? $"'{path}'" : $"A model '{model}'")} already exists. Choose another name, or use Force to replace it.")
{
    /// <summary>The full path of the file or folder.</summary>
    public string Path { get; } = path;
}

/// <summary>A journal of a batch does not exist, or cannot be read.</summary>
/// <param name="message">What is wrong with which file, and what to do.</param>
/// <param name="innerException">The cause, if any.</param>
public sealed class JournalInvalidException(string message, Exception? innerException = null)
    : DiffusionException(message, innerException);

/// <summary>There is no such job.</summary>
/// <param name="message">What is wrong with which folder or name, and what to do.</param>
/// <param name="innerException">The cause, if any.</param>
public sealed class JobNotFoundException(string message, Exception? innerException = null)
    : DiffusionException(message, innerException);

/// <summary>The record of a job is damaged, or is not one.</summary>
/// <param name="message">What is wrong with which file, and what to do.</param>
/// <param name="innerException">The cause, if any.</param>
public sealed class JobInvalidException(string message, Exception? innerException = null)
    : DiffusionException(message, innerException);

/// <summary>The workers of a job could not be started or stopped.</summary>
/// <param name="message">What is wrong, in the words of the cluster if it was one, and what to do.</param>
/// <param name="innerException">The cause, if any.</param>
public sealed class JobControlException(string message, Exception? innerException = null)
    : DiffusionException(message, innerException);

/// <summary>A table of a batch does not exist, or cannot be read, or not from some line on.</summary>
/// <param name="message">What is wrong with which file, and what to do.</param>
/// <param name="innerException">The cause, if any.</param>
public sealed class TableInvalidException(string message, Exception? innerException = null)
    : DiffusionException(message, innerException);

/// <summary>A row of a table cannot be read.</summary>
/// <param name="file">The path of the table.</param>
/// <param name="line">The line on which the row begins, from 1.</param>
/// <param name="fault">What is wrong with the row, without a full stop.</param>
public sealed class RowInvalidException(string file, int line, string fault)
    : DiffusionException($"{Path.GetFileName(file)}, line {line}: the row cannot be read: {fault}.")
{
    /// <summary>The path of the table.</summary>
    public string File { get; } = file;

    /// <summary>The line on which the row begins, from 1.</summary>
    public int Line { get; } = line;
}

/// <summary>A file exists that was made with other settings than those that are asked for, or that does not say with which.</summary>
/// <param name="message">Which file, what differs, and what to do.</param>
public sealed class OutputDiffersException(string message) : DiffusionException(message);

/// <summary>A signal asked the process to end, so that its work was ended in good order; it can be resumed.</summary>
/// <param name="message">Which signal, what was kept, and what to do.</param>
public sealed class WorkInterruptedException(string message) : DiffusionException(message);

/// <summary>A file could not be written. No partial file is left behind.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
/// <param name="innerException">The cause, if any.</param>
public class OutputWriteException(string message, Exception? innerException = null)
    : DiffusionException(message, innerException);

/// <summary>A file could not be written since its disk is full, or what the user may have of it. No partial file is left behind.</summary>
/// <param name="path">The full path of the file.</param>
/// <param name="innerException">The error of the system.</param>
public sealed class DiskFullException(string path, Exception innerException)
    : OutputWriteException($"The file '{path}' cannot be written: the disk is full. Free some space, and go on from there, or choose a folder on another disk.", innerException);

/// <summary>A file could not be downloaded from a hub, or is not the one that the hub describes.</summary>
/// <param name="message">What is wrong with which repository and file, and what to do. It holds no address and no token.</param>
/// <param name="repository">The repository, as <c>owner/name</c>.</param>
/// <param name="statusCode">The HTTP status of the hub's answer; null if there was none.</param>
/// <param name="innerException">The cause, if any.</param>
public sealed class DownloadException(string message, string repository, int? statusCode = null, Exception? innerException = null)
    : DiffusionException(message, innerException)
{
    /// <summary>The repository, as <c>owner/name</c>.</summary>
    public string Repository { get; } = repository;

    /// <summary>The HTTP status of the hub's answer; null if there was none.</summary>
    public int? StatusCode { get; } = statusCode;
}

/// <summary>The requested device cannot be used with this ONNX Runtime on this machine.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
/// <param name="innerException">The cause, if any.</param>
public sealed class DeviceUnavailableException(string message, Exception? innerException = null)
    : DiffusionException(message, innerException);

/// <summary>ONNX Runtime failed while running a graph, or a graph returned values that are not finite.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
/// <param name="innerException">The cause, if any.</param>
public sealed class InferenceException(string message, Exception? innerException = null)
    : DiffusionException(message, innerException);

/// <summary>There is no scheduler with the given name.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
public sealed class SchedulerNotFoundException(string message) : DiffusionException(message);

/// <summary>The record of an image tells of something that cannot be done again.</summary>
/// <param name="message">The stage, why it cannot be repeated, and what to do.</param>
public sealed class NotRepeatableException(string message) : DiffusionException(message);

/// <summary>A file is not the manifest of a folder of images, or is damaged.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
/// <param name="innerException">The cause, if any.</param>
public sealed class ManifestInvalidException(string message, Exception? innerException = null)
    : DiffusionException(message, innerException);

/// <summary>An image was made again, and came out with other pixels than before. It was not written.</summary>
/// <param name="message">Which image, the cause, and what to do.</param>
public sealed class ImageDiffersException(string message) : DiffusionException(message);

/// <summary>A setting (a size, a count, a seed, an option) is out of range or cannot be combined with others.</summary>
/// <param name="setting">The setting's name, as the caller knows it.</param>
/// <param name="message">What is wrong with which input, and what to do.</param>
public sealed class InvalidSettingException(string setting, string message) : DiffusionException(message)
{
    /// <summary>The name of the setting, such as <c>Width</c> or <c>Strength</c>.</summary>
    public string Setting { get; } = PrintableText.Of(setting);
}

/// <summary>A ControlNet, or a file of it, was not found.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
/// <param name="innerException">The cause, if any.</param>
public sealed class ControlNetNotFoundException(string message, Exception? innerException = null)
    : DiffusionException(message, innerException);

/// <summary>An autoencoder (VAE), or a file of it, was not found.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
/// <param name="innerException">The cause, if any.</param>
public sealed class VaeNotFoundException(string message, Exception? innerException = null)
    : DiffusionException(message, innerException);

/// <summary>An upscaler was not found.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
/// <param name="innerException">The cause, if any.</param>
public sealed class UpscalerNotFoundException(string message, Exception? innerException = null)
    : DiffusionException(message, innerException);

/// <summary>A list for a wildcard of a template was not found, or its file cannot be read.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
/// <param name="innerException">The cause, if any.</param>
public sealed class WildcardNotFoundException(string message, Exception? innerException = null)
    : DiffusionException(message, innerException);

/// <summary>A detector was not found.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
/// <param name="innerException">The cause, if any.</param>
public sealed class DetectorNotFoundException(string message, Exception? innerException = null)
    : DiffusionException(message, innerException);

/// <summary>A LoRA or an embedding was not found.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
public sealed class AdapterNotFoundException(string message) : DiffusionException(message);

/// <summary>A LoRA or an embedding is damaged, has an unsupported format, or does not fit the model.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
/// <param name="innerException">The cause, if any.</param>
public sealed class AdapterInvalidException(string message, Exception? innerException = null)
    : DiffusionException(message, innerException);
