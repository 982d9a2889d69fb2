using System.Collections;
using System.Management.Automation;
using System.Reflection;
using StableDiffusion;
using StableDiffusion.Batches.Tables;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Library;
using StableDiffusion.Metadata;
using StableDiffusion.Running;
using StableDiffusion.Settings;
using StableDiffusion.Text;

namespace SdPowerShell.Records;

/// <summary>An object of the pipeline, and its description in errors and warnings.</summary>
/// <param name="value">The object; null if the input is null.</param>
/// <param name="number">Its number in the pipeline, from 1.</param>
internal sealed class InputRecord(PSObject? value, int number)
{
    private const int LongestPrompt = 60;
    private const int LongestFile = 300;

    // The properties that Get-Content adds to each line.
    private const string LineNumber = "ReadCount";
    private const string LinePath = "PSPath";

    private static readonly Type[] s_made = [typeof(ImageMetadata), typeof(DiffusionImage)];
    private static readonly Type[] s_objects = [.. s_made, typeof(Latent), typeof(TextEmbedding)];

    private const string CustomObject = "System.Management.Automation.PSCustomObject";

    /// <summary>What to do with a hashtable.</summary>
    public const string DictionaryAdvice = "The keys of a hashtable are not columns. Cast it to [pscustomobject]; with ConvertFrom-Json, omit AsHashtable.";

    /// <summary>Its number in the pipeline, from 1.</summary>
    public int Number => number;

    /// <summary>The unchanged object.</summary>
    public PSObject? Value { get; } = value;

    /// <summary>Whether it is a string, which is a prompt by itself.</summary>
    public bool IsText => Value?.BaseObject is string;

    /// <summary>Whether it is a line that Get-Content read from a file.</summary>
    public bool IsLine => IsText && Value!.Properties[LineNumber] is not null;

    /// <summary>Whether it is a custom object, such as a row of a table, whose columns the user chose.</summary>
    public bool IsRow => Value is not null && (Value.TypeNames.Contains(CustomObject) || Value.TypeNames.Contains("Deserialized." + CustomObject));

    /// <summary>Whether it is the metadata of an image, or a copy of that made by Select-Object or in another process.</summary>
    public bool IsMetadata => IsOf(typeof(ImageMetadata));

    /// <summary>Whether it is an object that this module made or read from a file, or a copy of one.</summary>
    public bool IsMade => Array.Exists(s_objects, IsOf);

    /// <summary>Whether its prompt was merged from several embeddings, and is only a description of them.</summary>
    public bool HasMergedPrompt => Value?.BaseObject switch
    {
        TextEmbedding embedding => embedding.IsMerged,
        GeneratedObject made => made.Stages?.HasMergedPrompt == true,
        _ => false,
    };

    /// <summary>Whether a column was not chosen by the user: the record is a copy of an image or its metadata, which have that property.</summary>
    /// <param name="column">The column.</param>
    public bool Brings(string column) => Array.Exists(s_made, type => IsOf(type) && type.GetProperty(column, BindingFlags.Public | BindingFlags.Instance | BindingFlags.IgnoreCase) is not null);

    /// <summary>Whether its properties may be settings. Those of a string or a collection, such as Count, are not.</summary>
    public bool HasSettings => Value?.BaseObject is not (null or string or IDictionary) && LanguagePrimitives.GetEnumerable(Value) is null;

    /// <summary>Whether it is a hashtable or another dictionary, whose keys PowerShell does not bind.</summary>
    public bool IsDictionary => Value?.BaseObject is IDictionary;

    /// <summary>The name of the model; null if the object is not a model.</summary>
    public string? Model => Value?.BaseObject switch
    {
        ModelInfo info => info.Name,
        ModelImport import => import.Name,
        _ => null,
    };

    /// <summary>The text in a column; null if there is no such column or it is empty.</summary>
    /// <param name="column">The column's name.</param>
    public string? Text(string column) => Value?.Properties[column]?.Value is object cell && cell.ToString() is { } text && !string.IsNullOrWhiteSpace(text) ? text.Trim() : null;

    /// <summary>The record in a few words, such as <c>Row 3 ('a red house', house.png)</c>.</summary>
    /// <param name="prompt">Its prompt, or the relevant one of its prompts; may be null.</param>
    /// <param name="file">Its output file; may be null.</param>
    public string Describe(string? prompt, string? file) => Place() + Details(prompt, file);

    /// <summary>A description of one of several items that are not objects of the pipeline by themselves.</summary>
    /// <param name="kind">The kind of item.</param>
    /// <param name="index">Its index, from 0.</param>
    /// <param name="prompt">Its prompt; may be null.</param>
    /// <param name="file">Its output file; may be null.</param>
    public static string DescribeItem(string kind, int index, string? prompt, string? file = null) => $"{kind} {index + 1}{Details(prompt, file)}";

    private bool IsOf(Type type) => Value?.TypeNames.Any(name => name.EndsWith(type.FullName!, StringComparison.Ordinal)) == true;

    private string Place() => this switch
    {
        { IsLine: true } => $"{Path.GetFileName(Text(LinePath)) ?? "Input"}, line {Text(LineNumber)}",
        { Value: PSObject row } when TableRecord.Find(row) is TableRow table => $"{table}",
        { IsText: true } => $"Prompt {number}",
        { IsRow: true } => $"Row {number}",
        { Value.BaseObject: FileSystemInfo file } => file.Name,
        _ => $"Object {number}",
    };

    private static string Details(string? prompt, string? file)
    {
        string[] details = [.. (string.IsNullOrWhiteSpace(prompt) ? [] : (string[])[$"'{Shorten(prompt)}'"]), .. string.IsNullOrWhiteSpace(file) ? [] : (string[])[PrintableText.Of(file, LongestFile)]];
        return details.Length > 0 ? $" ({string.Join(", ", details)})" : string.Empty;
    }

    /// <summary>The beginning of a text, in one line that is safe to show.</summary>
    /// <param name="text">The text.</param>
    /// <param name="length">The greatest number of characters.</param>
    public static string Shorten(string text, int length = LongestPrompt)
    {
        string line = string.Join(' ', text.Split(default(char[]), StringSplitOptions.RemoveEmptyEntries));
        return PrintableText.Of(line.Length <= length ? line : string.Concat(line.AsSpan(0, length - 1).TrimEnd(), "…"));
    }
}
