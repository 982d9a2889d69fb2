using System.Text.Json;
using System.Text.Json.Serialization;

namespace StableDiffusion.Tensors;

/// <summary>Opens the files of <see cref="StateWriter"/>, with errors of the object that they hold.</summary>
/// <param name="invalid">Creates the error for a file that cannot be used, from a message and its cause.</param>
internal sealed class StateFile(Func<string, Exception?, DiffusionException> invalid)
{
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

    /// <summary>Reads an object of a file.</summary>
    /// <param name="path">The path of the file.</param>
    /// <param name="read">Reads the object from the open file.</param>
    /// <exception cref="UnsafeFileException">The file asks for code to be run.</exception>
    public T Read<T>(string path, Func<ITensorFile, T> read)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string full = Path.GetFullPath(path);
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
            throw invalid($"'{name}' cannot be used: {error.Message}", error);
        }
    }
}
