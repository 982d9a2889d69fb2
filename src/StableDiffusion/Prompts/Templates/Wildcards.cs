using System.IO.Enumeration;
using System.Text;
using System.Text.Json;
using StableDiffusion.Storage;
using YamlDotNet.Core;

namespace StableDiffusion.Prompts.Templates;

/// <summary>A value of a list of wildcards.</summary>
/// <param name="Text">The value, which may be a template.</param>
/// <param name="Weight">How often it is drawn, relative to the others; 0 or more.</param>
internal sealed record WildcardValue(string Text, double Weight = 1);

/// <summary>
/// The lists of wildcards in folders, as Dynamic Prompts reads them: <c>.txt</c> (a value per line), and <c>.yaml</c> and
/// <c>.json</c>, whose keys are parts of the name. Files are read when they are needed. Source: docs/SYNTAX.md of sd-dynamic-prompts.
/// </summary>
/// <param name="folders">The folders; those that do not exist have no lists.</param>
public sealed class Wildcards(IReadOnlyList<string> folders)
{
    private const long LongestFile = 16 << 20;
    private const int LongestCause = 300;
    private const int MostFiles = 10_000;
    private const int DeepestKeys = 32;
    private const string Separator = "/";

    private readonly Dictionary<string, IReadOnlyList<WildcardValue>> _values = new(StringComparer.Ordinal);
    private IReadOnlyList<(string Name, string Path)>? _files;

    // The lists of the files that were read, by the file's path.
    private readonly Dictionary<string, IReadOnlyList<(string Name, IReadOnlyList<WildcardValue> Values)>> _lists = new(StringComparer.Ordinal);

    /// <summary>The names of all lists, sorted.</summary>
    /// <exception cref="WildcardNotFoundException">A file cannot be read.</exception>
    public IReadOnlyList<string> Names => [.. Files().SelectMany(file => Lists(file).Select(static list => list.Name)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    /// <summary>The values of a list, or of all lists that a pattern matches, without repetitions and sorted.</summary>
    /// <param name="pattern">The name; <c>*</c> stands for any characters but <c>/</c>, and <c>**</c> for any.</param>
    /// <returns>At least one value.</returns>
    /// <exception cref="WildcardNotFoundException">There is no such list, or a file cannot be read.</exception>
    internal IReadOnlyList<WildcardValue> Find(string pattern)
    {
        string name = pattern.Replace('\\', '/').Trim('/').Trim();
        if (_values.TryGetValue(name, out IReadOnlyList<WildcardValue>? known))
            return known;
        IReadOnlyList<WildcardValue> values = Matching(name);
        if (values.Count == 0)
            values = Matching("**/" + name);
        return values.Count > 0 ? _values[name] = values : throw NotFound(name);
    }

    private WildcardNotFoundException NotFound(string name)
    {
        string where = folders.Count == 0 ? "No folder was given." : $"Looked for in {string.Join(" and ", folders.Select(static folder => $"'{folder}'"))}.";
        string advice = Spelling.Nearest(name, Names) is string near ? $" Did you mean '{near}'?" : " A list is a text file of that name with a value on each line.";
        return new WildcardNotFoundException($"There is no list for the wildcard '__{name}__'. {where}{advice}");
    }

    private IReadOnlyList<WildcardValue> Matching(string pattern)
    {
        // The values of two lists are one list: the first weight of a value counts.
        Dictionary<string, WildcardValue> found = new(StringComparer.Ordinal);
        foreach ((string Name, string Path) file in Files())
        {
            foreach ((string name, IReadOnlyList<WildcardValue> values) in Lists(file))
            {
                if (!Matches(name, pattern))
                    continue;
                foreach (WildcardValue value in values)
                    found.TryAdd(value.Text, value);
            }
        }

        return [.. found.Values.OrderBy(static value => value.Text, StringComparer.Ordinal)];
    }

    private static bool Matches(string name, string pattern) => Matches(name.Split(Separator), pattern.Split(Separator));

    // '**' matches any number of parts of a name, also none.
    private static bool Matches(ReadOnlySpan<string> name, ReadOnlySpan<string> pattern)
    {
        if (pattern.IsEmpty)
            return name.IsEmpty;
        if (pattern[0] == "**")
        {
            for (int i = 0; i <= name.Length; i++)
            {
                if (Matches(name[i..], pattern[1..]) || (pattern.Length == 1 && !name.IsEmpty))
                    return true;
            }

            return false;
        }

        return !name.IsEmpty && FileSystemName.MatchesSimpleExpression(pattern[0], name[0], ignoreCase: false) && Matches(name[1..], pattern[1..]);
    }

    private IReadOnlyList<(string Name, string Path)> Files() => _files ??= [.. folders.Where(Directory.Exists).SelectMany(static folder => FilesOf(folder)).Take(MostFiles)];

    private static IEnumerable<(string Name, string Path)> FilesOf(string folder) =>
        Directory.EnumerateFiles(folder, "*", new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true, MaxRecursionDepth = DeepestKeys })
            .Where(static path => Path.GetExtension(path).ToUpperInvariant() is ".TXT" or ".YAML" or ".YML" or ".JSON")
            .Order(StringComparer.Ordinal)
            .Select(path => (Path.ChangeExtension(Path.GetRelativePath(folder, path), null).Replace('\\', '/'), path));

    private IReadOnlyList<(string Name, IReadOnlyList<WildcardValue> Values)> Lists((string Name, string Path) file)
    {
        if (_lists.TryGetValue(file.Path, out IReadOnlyList<(string Name, IReadOnlyList<WildcardValue> Values)>? known))
            return known;
        try
        {
            return _lists[file.Path] = Read(file.Path, file.Name, Encoding.UTF8.GetString(RegularFile.ReadAllBytes(file.Path, LongestFile)));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(file.Path, error);
        }
    }

    /// <summary>Reads the lists of a file.</summary>
    /// <param name="path">Its path, whose extension is its format.</param>
    /// <param name="name">The name of a list without keys.</param>
    /// <param name="text">Its text.</param>
    /// <exception cref="WildcardNotFoundException">The text does not have the format.</exception>
    internal static IReadOnlyList<(string Name, IReadOnlyList<WildcardValue> Values)> Read(string path, string name, string text)
    {
        string body = text.TrimStart('\uFEFF');
        string folder = Path.GetDirectoryName(name)?.Replace('\\', '/') ?? string.Empty;
        try
        {
            return Path.GetExtension(path).ToUpperInvariant() switch
            {
                ".TXT" => [(name, Lines(body))],
                ".JSON" => WildcardTree.OfJson(body, name, folder),
                _ => WildcardTree.OfYaml(body, name, folder),
            };
        }
        // Half a surrogate pair in JSON, and some faults of YAML, are errors of other kinds.
        catch (Exception error) when (error is JsonException or YamlException or FormatException or InvalidOperationException or ArgumentException)
        {
            throw Unreadable(path, error);
        }
    }

    private static WildcardNotFoundException Unreadable(string path, Exception error) => new($"The file of wildcards '{path}' cannot be read: {PrintableText.Of(Sentence.Of(error), LongestCause)} Mend the file, or move it out of the folder.", error);

    private static IReadOnlyList<WildcardValue> Lines(string text) =>
        [.. text.Split(['\n', '\r'], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Where(static line => line[0] != '#').Select(static line => new WildcardValue(line))];
}
