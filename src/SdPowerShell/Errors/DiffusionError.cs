using System.Management.Automation;
using SdPowerShell.Records;
using StableDiffusion;
using StableDiffusion.Batches;

namespace SdPowerShell.Errors;

/// <summary>The error records of the module. Their ids are a contract: scripts test for them.</summary>
internal static class DiffusionError
{
    private const int LongestPath = 1000;

    /// <summary>The parameters whose name differs from the engine's setting.</summary>
    private static readonly Dictionary<string, string> s_parameters = new()
    {
        ["Mask"] = "MaskImage",
        ["Path"] = "OutFile",
    };

    /// <summary>Converts an error of the engine to an error record.</summary>
    /// <param name="error">The error; its message is shown, followed by the command that helps, if there is one.</param>
    /// <param name="target">The input at fault.</param>
    /// <param name="command">The command that failed.</param>
    /// <returns>A record with the id and the category of that type of error.</returns>
    public static ErrorRecord ToErrorRecord(DiffusionException error, object? target, CommandInfo command)
    {
        (string id, ErrorCategory category) = error switch
        {
            ModelNotFoundException => ("ModelNotFound", ErrorCategory.ObjectNotFound),
            ModelInvalidException => ("ModelInvalid", ErrorCategory.InvalidData),
            ControlNetNotFoundException => ("ControlNetNotFound", ErrorCategory.ObjectNotFound),
            VaeNotFoundException => ("VaeNotFound", ErrorCategory.ObjectNotFound),
            WildcardNotFoundException => ("WildcardNotFound", ErrorCategory.ObjectNotFound),
            UpscalerNotFoundException => ("UpscalerNotFound", ErrorCategory.ObjectNotFound),
            DetectorNotFoundException => ("DetectorNotFound", ErrorCategory.ObjectNotFound),
            AdapterNotFoundException => ("AdapterNotFound", ErrorCategory.ObjectNotFound),
            AdapterInvalidException => ("AdapterInvalid", ErrorCategory.InvalidData),
            UnsafeFileException => ("UnsafeFile", ErrorCategory.SecurityError),
            ShapeMismatchException => ("LatentShapeMismatch", ErrorCategory.InvalidData),
            NotFiniteException => ("NotFinite", ErrorCategory.InvalidData),
            LatentInvalidException => ("LatentInvalid", ErrorCategory.InvalidData),
            EmbeddingInvalidException => ("EmbeddingInvalid", ErrorCategory.InvalidData),
            ImageInvalidException => ("ImageInvalid", ErrorCategory.InvalidData),
            OutputExistsException => ("FileExists", ErrorCategory.ResourceExists),
            OutputDiffersException => ("OutputDiffers", ErrorCategory.ResourceExists),
            WorkInterruptedException => ("Interrupted", ErrorCategory.OperationStopped),
            JournalInvalidException => ("JournalInvalid", ErrorCategory.InvalidData),
            JobNotFoundException => ("JobNotFound", ErrorCategory.ObjectNotFound),
            JobInvalidException => ("JobInvalid", ErrorCategory.InvalidData),
            JobControlException => ("JobControlFailed", ErrorCategory.ResourceUnavailable),
            TableInvalidException => ("TableInvalid", ErrorCategory.InvalidData),
            RowInvalidException => ("RowInvalid", ErrorCategory.InvalidData),
            DiskFullException => ("DiskFull", ErrorCategory.ResourceUnavailable),
            OutputWriteException => ("FileWriteFailed", ErrorCategory.WriteError),
            DownloadException => ("DownloadFailed", ErrorCategory.ConnectionError),
            DeviceUnavailableException => ("ExecutionProviderUnavailable", ErrorCategory.NotInstalled),
            InferenceException => ("InferenceFailed", ErrorCategory.InvalidResult),
            SchedulerNotFoundException => ("SchedulerNotFound", ErrorCategory.ObjectNotFound),
            NotRepeatableException => ("RecordNotRepeatable", ErrorCategory.InvalidData),
            ManifestInvalidException => ("ManifestInvalid", ErrorCategory.InvalidData),
            ImageDiffersException => ("ImageDiffers", ErrorCategory.InvalidResult),
            InvalidSettingException invalid => (ParameterOf(invalid, command) + "Invalid", ErrorCategory.InvalidArgument),
            _ => throw new ArgumentException($"The module has no error id for {error.GetType()}.", nameof(error), error),
        };
        ErrorRecord record = new(error, id, category, target);
        if (HintFor(error.Remedy, command) is string hint)
            record.ErrorDetails = new ErrorDetails($"{error.Message} {hint}");
        return record;
    }

    /// <summary>A defect of the module.</summary>
    /// <param name="error">The exception, which nothing foresaw.</param>
    /// <param name="subject">What it is about; null if that is not known.</param>
    /// <param name="target">The input that it happened with.</param>
    /// <returns>The record; its exception has the given one as its cause, with the place where it happened.</returns>
    public static ErrorRecord Unexpected(Exception error, string? subject, object? target) => new(
        new InvalidOperationException(
            PrintableText.Of($"{(subject is null ? string.Empty : $"{subject}: ")}This is a fault of the module, which you can report with the text of Get-Error: {error.GetType().Name}, {error.Message}"), error),
        "UnexpectedError",
        ErrorCategory.NotSpecified,
        target);

    /// <summary>The command or parameter that helps against an error.</summary>
    /// <param name="remedy">The remedy.</param>
    /// <param name="command">The command that failed.</param>
    /// <returns>A sentence; null if there is no command for it.</returns>
    private static string? HintFor(Remedy remedy, CommandInfo command) => remedy switch
    {
        Remedy.MakeManifest => "Export-DiffusionManifest makes the manifest of a folder.",
        Remedy.GiveImages when command.Name.EndsWith("DiffusionManifest", StringComparison.OrdinalIgnoreCase) => "Give them with -InitImage.",
        Remedy.EncodePrompt => "Get-TextEmbedding makes an embedding.",
        Remedy.MakeLatent => "ConvertTo-Latent and Invoke-Denoise make latents.",
        Remedy.EncodeImage => "ConvertTo-Latent encodes an image; New-DiffusionImage starts from one with -InitImage.",
        Remedy.ChooseDevice => "Use -Device Auto for the best one that works here, or -Device Cpu.",
        Remedy.CloseModels => "Clear-DiffusionCache closes the models that are open in a session.",
        Remedy.DeleteGraphs => "Clear-DiffusionCache -Graphs deletes the cached graphs.",
        Remedy.ListSchedulers => "Get-DiffusionScheduler lists all schedulers.",
        Remedy.ReadSettings => "Get-DiffusionMetadata reads the settings in such a file.",
        Remedy.SkipTest => "With -SkipTest, the model is kept without this test.",
        Remedy.GiveImages => "New-DiffusionImage takes them with -InitImage, -MaskImage and -ControlImage.",
        Remedy.WriteScript => "ConvertTo-DiffusionScript writes the commands that make the image.",
        Remedy.GivePath when command.Parameters.ContainsKey(nameof(ModelCmdlet.NamesOnly)) => "Or give its path, without -NamesOnly.",
        Remedy.DeleteFiles => "Use Remove-Item for files and folders elsewhere.",
        _ => null,
    };

    /// <summary>Nothing exists at a path, or nothing matches its wildcards.</summary>
    /// <param name="path">The path from the user.</param>
    /// <param name="match">A file that the path matches as a pattern, where only paths of single files are taken; null for none.</param>
    /// <returns>The record.</returns>
    public static ErrorRecord PathNotFound(string path, string? match = null) => new(
        new ItemNotFoundException($"There is no file or folder '{Quote(path)}'. {(match is null ? $"Check the path.{(path.AsSpan().IndexOfAny('[', ']') < 0 ? string.Empty : " If its name contains brackets, use -LiteralPath where the command has it.")}" : $"Wildcards are not allowed here. Give the path of a single file, such as '{Quote(match)}'.")}"),
        nameof(PathNotFound),
        ErrorCategory.ObjectNotFound,
        path);

    /// <summary>A path is not one of the file system.</summary>
    /// <param name="path">The path from the user.</param>
    /// <param name="provider">The name of its provider.</param>
    /// <returns>The record.</returns>
    public static ErrorRecord PathNotFileSystem(string path, string provider) => new(
        new ArgumentException($"The path '{Quote(path)}' is a path of the provider {provider}, not of the file system. Give the path of a file."),
        nameof(PathNotFileSystem),
        ErrorCategory.InvalidArgument,
        path);

    /// <summary>A path is one that no file or folder can have.</summary>
    /// <param name="path">The path from the user.</param>
    /// <returns>The record.</returns>
    public static ErrorRecord PathInvalid(string path) => new(
        new ArgumentException($"The path '{Quote(path)}' is not valid on this system. Give the path of a file or folder."),
        nameof(PathInvalid),
        ErrorCategory.InvalidArgument,
        path);

    /// <summary>An object that PowerShell serialized cannot be turned back into what it was.</summary>
    /// <param name="noun">What it was, with its article.</param>
    /// <param name="cause">Why what makes up the object cannot be read, in a sentence; null if it is missing.</param>
    /// <param name="advice">What else to do, as the end of a sentence.</param>
    /// <param name="target">The copy.</param>
    /// <returns>The record.</returns>
    public static ErrorRecord SerializedObjectInvalid(string noun, string? cause, string advice, object target) => new(
        new InvalidDataException(
            PrintableText.Of(cause is null
                ? $"This is a copy of {noun} that PowerShell made in a session where the module StableDiffusion was not imported, so that only some of its properties came along. Import the module there, or {advice}."
                : $"This is a copy of {noun} that PowerShell made, and it cannot be used. {cause} Make the copy again, or {advice}.")),
        nameof(SerializedObjectInvalid),
        ErrorCategory.InvalidData,
        target);

    /// <summary>No parameter takes an object in the pipeline or any of its properties.</summary>
    /// <param name="input">The object.</param>
    /// <param name="advice">Why, and what to do, if that is known better than in general; may be null.</param>
    /// <returns>The record, with PowerShell's id for that error.</returns>
    public static ErrorRecord InputNotBound(InputRecord input, string? advice = null) => new(
        new ArgumentException(PrintableText.Of($"{input.Describe(prompt: null, file: null)}: {(input.IsDictionary ? InputRecord.DictionaryAdvice : advice ?? "no parameter takes this object: the parameter that could is given as an argument, and the object has no property with the name of another parameter. Omit the argument or the object.")}")),
        "InputObjectNotBound",
        ErrorCategory.InvalidArgument,
        input.Value);

    /// <summary>Pester is not there.</summary>
    /// <returns>The record.</returns>
    public static ErrorRecord PesterNotFound() => new(
        new CommandNotFoundException("Pester 5 or later was not found. Install it (Install-PSResource Pester), and import it before this command."),
        nameof(PesterNotFound),
        ErrorCategory.NotInstalled,
        "Pester");

    /// <summary>Jobs have not ended in the time that was given.</summary>
    /// <param name="job">A job that has not ended.</param>
    /// <param name="seconds">How many seconds were waited.</param>
    /// <returns>The record.</returns>
    public static ErrorRecord JobNotEnded(DiffusionJob job, int seconds) => new(
        new TimeoutException(PrintableText.Of($"The job '{job.Name}' has not ended after {seconds} seconds: {job.Left} of its {job.Images} images are left. It goes on.")),
        nameof(JobNotEnded),
        ErrorCategory.OperationTimeout,
        job);

    /// <summary>Makes an error of PowerShell the error of a record.</summary>
    /// <param name="error">The error.</param>
    /// <param name="subject">What it is about.</param>
    /// <param name="target">The record.</param>
    /// <returns>The error with the record as its target and the subject in front of its message.</returns>
    public static ErrorRecord Of(ErrorRecord error, string subject, object? target)
    {
        string message = PrintableText.Of($"{subject}: {error.Exception.Message}");
        Exception exception = error.Exception is ItemNotFoundException ? new ItemNotFoundException(message, error.Exception) : new ArgumentException(message, error.Exception);
        return new ErrorRecord(exception, error.FullyQualifiedErrorId, error.CategoryInfo.Category, target);
    }

    private static string Quote(string path) => PrintableText.Of(path, LongestPath);

    /// <summary>The parameter of a setting; the scheduler options, which have diffusers' names, share one parameter.</summary>
    private static string ParameterOf(InvalidSettingException error, CommandInfo command)
    {
        if (!char.IsUpper(error.Setting[0]))
            return "SchedulerOption";
        return s_parameters.TryGetValue(error.Setting, out string? parameter) && command.Parameters.ContainsKey(parameter) ? parameter : error.Setting;
    }
}
