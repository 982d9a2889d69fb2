using System.Text.Json;
using System.Text.Json.Serialization;
using StableDiffusion.Storage;

namespace StableDiffusion.Tensors;

/// <summary>The files that <see cref="StateWriter"/> composes: writes them, and reads them with errors of the object that they hold.</summary>
/// <param name="invalid">Creates the error for a file that cannot be used, from a message and its cause.</param>
internal sealed class StateFile(Func<string, Exception?, DiffusionException> invalid)
{
    /// <summary>The ending of their names, without its dot.</summary>
    public const string Ending = "safetensors";

    /// <summary>How the JSON of an object is written and read: a member that is missing, given twice or unknown is an error.</summary>
    public static JsonSerializerOptions Json { get; } = new()
    {
        AllowDuplicateProperties = false,
        Converters = { new JsonStringEnumConverter(namingPolicy: null, allowIntegerValues: false) },
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>Throws if a file cannot be written, as far as that can be determined without writing.</summary>
    /// <param name="path">The full path of the file.</param>
    /// <param name="overwrite">Whether an existing file is replaced.</param>
    /// <exception cref="InvalidSettingException">The name has another ending.</exception>
    /// <exception cref="OutputExistsException">The file exists and may not be replaced.</exception>
    /// <exception cref="OutputWriteException">The file cannot be written.</exception>
    public static void Check(string path, bool overwrite)
    {
        CheckEnding(path);
        OutputFile.Check(path, overwrite);
    }

    /// <summary>Writes a file, completely or not at all.</summary>
    /// <param name="contents">Its contents.</param>
    /// <param name="path">The path of the file.</param>
    /// <param name="overwrite">Whether an existing file is replaced.</param>
    /// <returns>The full path of the file.</returns>
    /// <inheritdoc cref="Check"/>
    public static string Write(StateWriter contents, string path, bool overwrite)
    {
        string full = CheckEnding(path);
        OutputFile.Write(full, overwrite, contents.Write);
        return full;
    }

    /// <summary>Writes a file as <see cref="Write"/> does, under the first free numbered name if its own is taken.</summary>
    /// <inheritdoc cref="Write"/>
    public static string WriteNumbered(StateWriter contents, string path) => OutputFile.WriteNumbered(CheckEnding(path), contents.Write);

    private static string CheckEnding(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Path.GetExtension(path).Equals("." + Ending, StringComparison.OrdinalIgnoreCase)
            ? Path.GetFullPath(path)
            : throw new InvalidSettingException(nameof(Path), $"The file '{path}' cannot be written: its name must end in .{Ending}.");
    }

    /// <summary>Reads an object of a file.</summary>
    /// <param name="path">The path of the file.</param>
    /// <param name="read">Reads the object from the open file.</param>
    /// <exception cref="UnsafeFileException">The file asks for code to be run.</exception>
    public T Read<T>(string path, Func<ITensorFile, T> read)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string full = Path.GetFullPath(path);
        if (Directory.Exists(full))
            throw invalid($"'{full}' is a folder. Give a file in it.", null);
        return Read(full, () => TensorFile.Open(full), read);
    }

    /// <summary>Reads an object of bytes in memory.</summary>
    /// <param name="name">The name of the bytes, for messages.</param>
    /// <param name="bytes">The bytes.</param>
    /// <param name="read">Reads the object from them.</param>
    public T Read<T>(string name, byte[] bytes, Func<ITensorFile, T> read)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        return Read(name, () => SafetensorsFile.Open(RandomAccessFile.Of(name, bytes)), read);
    }

    private T Read<T>(string name, Func<ITensorFile> open, Func<ITensorFile, T> read)
    {
        try
        {
            using ITensorFile file = open();
            return read(file);
        }
        catch (Exception error) when (error is ModelInvalidException or ModelNotFoundException)
        {
            // Its message names the file.
            throw invalid(error.Message, error);
        }
        catch (Exception error) when (error is InvalidSettingException or SchedulerNotFoundException or ShapeMismatchException)
        {
            throw invalid($"'{name}' cannot be used: {Sentence.Of(error)}", error);
        }
    }
}
