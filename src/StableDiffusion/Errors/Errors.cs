namespace StableDiffusion;

/// <summary>
/// Base of every error that the engine itself raises. A message names the input that is at fault and says
/// what to do about it; it can be shown to a person as it is.
/// </summary>
public abstract class DiffusionException : Exception
{
    /// <summary>Makes the error.</summary>
    /// <param name="message">What is wrong with which input, and what to do.</param>
    /// <param name="innerException">The cause, if another error led to this one.</param>
    protected DiffusionException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }

    /// <summary>What the error is about, such as one of many rows; put in front of the message. Null where nobody said.</summary>
    public string? Subject { get; set; }

    /// <summary>What can be done about it, where a host may have a command for it.</summary>
    public Remedy Remedy { get; init; }

    /// <inheritdoc/>
    public override string Message => Subject is null ? base.Message : $"{Subject}: {base.Message}";
}

/// <summary>No model, or no part of a model, lies where it was looked for.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
/// <param name="innerException">The cause, if any.</param>
public sealed class ModelNotFoundException(string message, Exception? innerException = null)
    : DiffusionException(message, innerException);

/// <summary>A model's file is damaged, contradicts its config, or is of a kind that cannot be read.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
/// <param name="innerException">The cause, if any.</param>
public sealed class ModelInvalidException(string message, Exception? innerException = null)
    : DiffusionException(message, innerException);

/// <summary>A model's file asks for code to be run, or for an object that is no part of a tensor. Nothing of it was run.</summary>
/// <param name="path">The full path of the file.</param>
/// <param name="opcode">The pickle opcode at fault, by the name that Python's <c>pickletools</c> gives it.</param>
/// <param name="globalName">The function or class that it asks for, or what else it works on.</param>
/// <param name="position">The byte of the file at which the opcode lies.</param>
public sealed class UnsafeFileException(string path, string opcode, string globalName, long position)
    : DiffusionException(
        $"'{path}' was refused, and nothing of it was run: at byte {position} the opcode {opcode} asks for '{globalName}', " +
        "which no file of tensors needs. Such a file can hold a virus. Get the model as a safetensors file, or from a source that you trust.")
{
    /// <summary>The pickle opcode at fault, such as <c>GLOBAL</c> or <c>REDUCE</c>.</summary>
    public string Opcode { get; } = opcode;

    /// <summary>The function or class that was asked for, such as <c>os.system</c>.</summary>
    public string Global { get; } = globalName;

    /// <summary>The byte of the file at which the opcode lies.</summary>
    public long Position { get; } = position;
}

/// <summary>A latent or an embedding has a shape that the model at hand cannot take.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
public sealed class ShapeMismatchException(string message) : DiffusionException(message);

/// <summary>A latent or an embedding holds a value that is not a finite number.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
public sealed class NotFiniteException(string message) : DiffusionException(message);

/// <summary>A file is not a picture that can be read, or a picture does not fit its use.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
/// <param name="innerException">The cause, if any.</param>
public sealed class ImageInvalidException(string message, Exception? innerException = null)
    : DiffusionException(message, innerException);

/// <summary>A file or a model's folder that would be written exists already and may not be replaced.</summary>
/// <param name="path">The full path of the file or folder.</param>
/// <param name="model">The model's name, if the user named a model and not a path; else null.</param>
public sealed class OutputExistsException(string path, string? model = null)
    : DiffusionException($"{(model is null ? $"'{path}'" : $"A model '{model}'")} already exists. Choose another name, or use Force to replace it.")
{
    /// <summary>The full path of the file or folder.</summary>
    public string Path { get; } = path;
}

/// <summary>A file could not be written; nothing of it is left behind.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
/// <param name="innerException">The cause, if any.</param>
public sealed class OutputWriteException(string message, Exception? innerException = null)
    : DiffusionException(message, innerException);

/// <summary>A file of a model could not be fetched from a hub, or is not what the hub says that it is.</summary>
/// <param name="message">What is wrong with which repository and file, and what to do. It holds no address and no token.</param>
/// <param name="repository">The repository, as <c>owner/name</c>.</param>
/// <param name="statusCode">The status that the hub answered with, if it did.</param>
/// <param name="innerException">The cause, if any.</param>
public sealed class DownloadException(string message, string repository, int? statusCode = null, Exception? innerException = null)
    : DiffusionException(message, innerException)
{
    /// <summary>The repository, as <c>owner/name</c>.</summary>
    public string Repository { get; } = repository;

    /// <summary>The HTTP status that the hub answered with; null where it gave none.</summary>
    public int? StatusCode { get; } = statusCode;
}

/// <summary>The device that was asked for is not offered by the ONNX Runtime in use.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
/// <param name="innerException">The cause, if any.</param>
public sealed class DeviceUnavailableException(string message, Exception? innerException = null)
    : DiffusionException(message, innerException);

/// <summary>ONNX Runtime failed while it ran a graph, or a graph gave values that are not finite.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
/// <param name="innerException">The cause, if any.</param>
public sealed class InferenceException(string message, Exception? innerException = null)
    : DiffusionException(message, innerException);

/// <summary>No scheduler goes by the name that was given.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
public sealed class SchedulerNotFoundException(string message) : DiffusionException(message);

/// <summary>A setting (a size, a count, a seed, an option) lies outside what can be done.</summary>
/// <param name="setting">The setting's name, as the caller knows it.</param>
/// <param name="message">What is wrong with which input, and what to do.</param>
public sealed class InvalidSettingException(string setting, string message) : DiffusionException(message)
{
    /// <summary>The name of the setting, such as <c>Width</c> or <c>Strength</c>.</summary>
    public string Setting { get; } = setting;
}

/// <summary>A ControlNet was not found.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
public sealed class ControlNetNotFoundException(string message) : DiffusionException(message);

/// <summary>No LoRA or embedding lies where it was looked for.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
public sealed class AdapterNotFoundException(string message) : DiffusionException(message);

/// <summary>A LoRA or an embedding is damaged, is of a kind that cannot be used, or does not fit the model.</summary>
/// <param name="message">What is wrong with which input, and what to do.</param>
/// <param name="innerException">The cause, if any.</param>
public sealed class AdapterInvalidException(string message, Exception? innerException = null)
    : DiffusionException(message, innerException);
