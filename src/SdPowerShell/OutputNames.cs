using System.Globalization;
using StableDiffusion;
using StableDiffusion.Images;

namespace SdPowerShell;

/// <summary>Which file each picture of a record is written to.</summary>
/// <param name="file">What the user named, relative to the folder where there is one; null names files after prompt and seed.</param>
/// <param name="directory">The full path of the folder; may be null.</param>
/// <param name="format">The extension, without its dot, of names that have none.</param>
internal sealed class OutputNames(string? file, string? directory, string format)
{
    /// <summary>The full path for a picture, or null where nothing is to be written.</summary>
    /// <param name="prompt">The picture's prompt.</param>
    /// <param name="seed">The picture's seed.</param>
    /// <param name="index">Which picture of the record it is, from 0.</param>
    /// <param name="count">How many pictures the record makes.</param>
    /// <param name="resolve">Turns a path of the user's into a full one.</param>
    public string? Next(string prompt, long seed, int index, int count, Func<string, string> resolve)
    {
        if (file is null)
            return directory is null ? null : Path.Combine(directory, FileNames.Unique(directory, FileNames.FromPrompt(prompt, seed, "." + format)));

        string name = Path.HasExtension(file) ? file : file + "." + format;
        if (count > 1)
        {
            string number = (index + 1).ToString(CultureInfo.InvariantCulture).PadLeft(count.ToString(CultureInfo.InvariantCulture).Length, '0');
            name = Path.Combine(Path.GetDirectoryName(name) ?? string.Empty, $"{Path.GetFileNameWithoutExtension(name)}-{number}{Path.GetExtension(name)}");
        }

        return directory is null ? resolve(name) : Path.GetFullPath(Path.Combine(directory, name));
    }

    /// <summary>Makes the folder that a file is to lie in, with those above it.</summary>
    /// <param name="file">The full path of the file.</param>
    public static void CreateFolderOf(string file)
    {
        string folder = Path.GetDirectoryName(file)!;
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new OutputWriteException($"The folder '{folder}' cannot be made: {error.Message} Choose another folder.", error);
        }
    }
}
