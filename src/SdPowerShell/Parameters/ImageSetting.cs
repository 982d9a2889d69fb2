using StableDiffusion;
using StableDiffusion.Images;

namespace SdPowerShell.Parameters;

/// <summary>Settings whose value is an image: the path of a file, a file, or an image in memory.</summary>
internal static class ImageSetting
{
    /// <summary>Reads the image that a parameter specifies.</summary>
    /// <typeparam name="T">The type of the result.</typeparam>
    /// <param name="setting">The parameter's name.</param>
    /// <param name="given">The value of the parameter; null or an empty string means that it is omitted.</param>
    /// <param name="read">Reads a file, by its path.</param>
    /// <param name="convert">Converts an image in memory.</param>
    /// <returns>The image; null if none was given.</returns>
    public static T? Read<T>(string setting, object? given, Func<string, T> read, Func<DiffusionImage, T> convert)
        where T : class => Cell.Unwrap(given) switch
        {
            null or "" => null,
            DiffusionImage image => convert(image),
            string path => read(path),
            FileSystemInfo file => read(file.FullName),
            object other => throw new InvalidSettingException(setting, $"{setting} is '{other}' of type {other.GetType().Name}. Give the path of an image file, or an image from New-DiffusionImage or ConvertTo-ControlImage."),
        };

    /// <summary>The file that contains an image.</summary>
    /// <param name="given">The value of the parameter.</param>
    /// <returns>A path; null for an image that was not written.</returns>
    public static string? PathOf(object? given) => Cell.Unwrap(given) switch
    {
        DiffusionImage image => image.Path,
        FileSystemInfo file => file.FullName,
        object other => other as string,
        null => null,
    };
}
