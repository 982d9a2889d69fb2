using System.Globalization;
using StableDiffusion;
using StableDiffusion.Storage;

namespace SdPowerShell.Parameters;

/// <summary>The output files of a record.</summary>
/// <param name="file">The file name from the user, relative to the folder if there is one; null names files after prompt and seed.</param>
/// <param name="directory">The full path of the folder; may be null.</param>
/// <param name="format">The extension, without its dot, for names without one.</param>
/// <param name="source">The file that the output is made from, whose name is kept; null if there is none.</param>
internal sealed class OutputNames(string? file, string? directory, string format, string? source = null)
{
    private static readonly string[] s_providers = ["FileSystem::", @"Microsoft.PowerShell.Core\FileSystem::"];

    /// <summary>The name of what has no prompt.</summary>
    public string Unnamed { get; init; } = FileNames.Image;

    /// <summary>Names the outputs by their index, without an ending; null names them after prompt and seed.</summary>
    public Func<int, string>? Template { get; init; }

    /// <summary>Whether a generated name is the same again for the same output, and not numbered where a file has it.</summary>
    public bool IsStable { get; init; }

    /// <summary>Whether stable names of several outputs of a record need a number, since nothing else in them differs.</summary>
    public bool AddsIndex { get; init; }

    /// <summary>The folder that a file name from someone else must not lead out of; null if the file name is the user's own.</summary>
    public string? Limits { get; init; }

    /// <summary>The next file, or null if nothing is written.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="seed">The seed; null if there is none.</param>
    /// <param name="index">The index of the output in the record, from 0.</param>
    /// <param name="count">The number of outputs of the record.</param>
    /// <param name="resolve">Resolves a path from the user to a full path.</param>
    public OutputTarget? Next(string prompt, long? seed, int index, int count, Func<string, string> resolve)
    {
        if (file is null)
        {
            if (directory is null && Template is null)
                return null;

            string made = Template is not null ? $"{Template(index)}.{format}" : source is null ? FileNames.FromPrompt(prompt, seed, "." + format, Unnamed) : $"{Path.GetFileNameWithoutExtension(source)}.{format}";
            if (IsStable || directory is null)
            {
                made = AddsIndex && count > 1 ? Numbered(made, index, count) : made;
                return new OutputTarget(directory is null ? resolve(made) : Path.Combine(directory, made));
            }

            return new OutputTarget(Path.Combine(directory, FileNames.Unique(directory, made)), Path.Combine(directory, made));
        }

        string name = Checked(IsProviderPath(file) ? resolve(file) : file);
        if (!Path.HasExtension(name))
            name += "." + format;
        if (count > 1)
            name = Numbered(name, index, count);

        string path = directory is null ? resolve(name) : Path.GetFullPath(Path.Combine(directory, name));
        if (Limits is not null)
            CheckInside(nameof(Path), file, path, Limits);
        return new OutputTarget(path);
    }

    /// <summary>The number of one of several outputs, from 1, with as many digits as the last one has.</summary>
    /// <param name="index">Its index, from 0.</param>
    /// <param name="count">The number of outputs.</param>
    public static string Number(int index, int count) => (index + 1).ToString(CultureInfo.InvariantCulture).PadLeft(count.ToString(CultureInfo.InvariantCulture).Length, '0');

    private static string Numbered(string name, int index, int count) =>
        Path.Combine(Path.GetDirectoryName(name) ?? string.Empty, $"{Path.GetFileNameWithoutExtension(name)}-{Number(index, count)}{Path.GetExtension(name)}");

    /// <summary>Throws if a path from someone else leads out of a folder, also through a link to another folder: a table may come with its folder.</summary>
    /// <param name="setting">The setting.</param>
    /// <param name="given">The path as it was given.</param>
    /// <param name="path">The full path of the file.</param>
    /// <param name="folder">The full path of the folder.</param>
    /// <exception cref="InvalidSettingException">It leads out of it.</exception>
    public static void CheckInside(string setting, string given, string path, string folder)
    {
        if (!IsInside(Path.GetFullPath(path), Path.GetFullPath(folder)))
            throw new InvalidSettingException(setting, $"'{ModelFilePath.Printable(given)}' leads out of the folder '{folder}'. With NamesOnly, what a row names must be in it. Give OutFile or OutDirectory to the command, which may be any path.");
    }

    // The file itself is replaced, not followed.
    private static bool IsInside(string path, string folder)
    {
        try
        {
            return RealPath.IsInside(path, folder) && RealPath.IsInside(Path.Combine(RealPath.Of(Path.GetDirectoryName(path)!), Path.GetFileName(path)), RealPath.Of(folder));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Whether a path begins with the provider of the file system, as the property PSPath does.</summary>
    private static bool IsProviderPath(string file) =>
        Array.Exists(s_providers, provider => file.StartsWith(provider, StringComparison.OrdinalIgnoreCase));

    /// <summary>The file name from the user, with the separators of this system.</summary>
    private string Checked(string file)
    {
        // PowerShell takes both separators on every system.
        string path = file.Replace('\\', '/');
        string name = Path.GetFileName(path);

        // Without its extension, a name must not be empty: on Unix, it would be hidden.
        if (Path.GetFileNameWithoutExtension(name).AsSpan().Trim(" .").IsEmpty || name.AsSpan().IndexOfAny(Path.GetInvalidFileNameChars()) >= 0 || path.Contains('\0'))
            throw new InvalidSettingException(nameof(Path), $"'{ModelFilePath.Printable(file)}' is not a file name. Give a name such as {Unnamed}.{format}.");
        if (OperatingSystem.IsWindows())
            return file;
        return file.StartsWith(@"\\", StringComparison.Ordinal)
            ? throw new InvalidSettingException(nameof(Path), $"'{ModelFilePath.Printable(file)}' is the path of a share, which only Windows knows by such a name. Give the path of the folder where the share is mounted.")
            : path;
    }
}
