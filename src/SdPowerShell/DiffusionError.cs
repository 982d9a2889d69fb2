using System.Management.Automation;
using StableDiffusion;

namespace SdPowerShell;

/// <summary>The error records of the module. Their ids are a contract: scripts match on them.</summary>
internal static class DiffusionError
{
    /// <summary>The engine's error as an error record.</summary>
    /// <param name="error">The error; its message is shown as it is.</param>
    /// <param name="target">The input at fault.</param>
    /// <returns>A record with the id and the category that belong to the kind of error.</returns>
    public static ErrorRecord ToErrorRecord(DiffusionException error, object? target)
    {
        (string id, ErrorCategory category) = error switch
        {
            ModelNotFoundException => ("ModelNotFound", ErrorCategory.ObjectNotFound),
            ModelInvalidException => ("ModelInvalid", ErrorCategory.InvalidData),
            AdapterNotFoundException => ("AdapterNotFound", ErrorCategory.ObjectNotFound),
            AdapterInvalidException => ("AdapterInvalid", ErrorCategory.InvalidData),
            UnsafeFileException => ("UnsafeFile", ErrorCategory.SecurityError),
            ShapeMismatchException => ("LatentShapeMismatch", ErrorCategory.InvalidData),
            NotFiniteException => ("NotFinite", ErrorCategory.InvalidData),
            ImageInvalidException => ("ImageInvalid", ErrorCategory.InvalidData),
            OutputExistsException => ("FileExists", ErrorCategory.ResourceExists),
            OutputWriteException => ("FileWriteFailed", ErrorCategory.WriteError),
            DownloadException => ("DownloadFailed", ErrorCategory.ConnectionError),
            DeviceUnavailableException => ("ExecutionProviderUnavailable", ErrorCategory.NotInstalled),
            InferenceException => ("InferenceFailed", ErrorCategory.InvalidResult),
            SchedulerNotFoundException => ("SchedulerNotFound", ErrorCategory.ObjectNotFound),
            InvalidSettingException invalid => (SettingOf(invalid) + "Invalid", ErrorCategory.InvalidArgument),
            _ => throw new ArgumentException($"The module has no error id for {error.GetType()}.", nameof(error), error),
        };
        return new ErrorRecord(error, id, category, target);
    }

    /// <summary>Nothing lies at a path, or nothing matches its wildcards.</summary>
    /// <param name="path">The path as the user gave it.</param>
    /// <returns>The record.</returns>
    public static ErrorRecord PathNotFound(string path) => new(
        new ItemNotFoundException($"There is no file or folder '{path}'. Check the path. If its name contains brackets, use -LiteralPath where the command has it."),
        nameof(PathNotFound),
        ErrorCategory.ObjectNotFound,
        path);

    /// <summary>A path does not lead to the file system.</summary>
    /// <param name="path">The path as the user gave it.</param>
    /// <param name="provider">The name of the provider that it leads to.</param>
    /// <returns>The record.</returns>
    public static ErrorRecord PathNotFileSystem(string path, string provider) => new(
        new ArgumentException($"The path '{path}' leads to the provider {provider}, not to the file system. Give the path of a file."),
        nameof(PathNotFileSystem),
        ErrorCategory.InvalidArgument,
        path);

    /// <summary>Nothing of an object in the pipeline is taken by any parameter.</summary>
    /// <param name="input">The object.</param>
    /// <returns>The record, with the id that PowerShell has for it.</returns>
    public static ErrorRecord InputNotBound(InputRecord input) => new(
        new ArgumentException($"{input.Describe(prompt: null, file: null)}: {(input.IsDictionary ? InputRecord.DictionaryAdvice : "nothing takes this object: the parameter that could is given as an argument, and the object has no property with the name of another one. Leave out one of the two.")}"),
        "InputObjectNotBound",
        ErrorCategory.InvalidArgument,
        input.Value);

    /// <summary>An error of the shell as one of a record.</summary>
    /// <param name="error">The error.</param>
    /// <param name="subject">What it is about.</param>
    /// <param name="target">The record.</param>
    /// <returns>The error with the record as its target and the subject in front of its message.</returns>
    public static ErrorRecord Of(ErrorRecord error, string subject, object? target)
    {
        string message = $"{subject}: {error.Exception.Message}";
        Exception exception = error.Exception is ItemNotFoundException ? new ItemNotFoundException(message, error.Exception) : new ArgumentException(message, error.Exception);
        return new ErrorRecord(exception, error.FullyQualifiedErrorId, error.CategoryInfo.Category, target);
    }

    /// <summary>The parameter that a setting is given by; the options of schedulers, which have diffusers' names, share one.</summary>
    private static string SettingOf(InvalidSettingException error) => char.IsUpper(error.Setting[0]) ? error.Setting : "SchedulerOption";
}
