using System.Collections;
using System.Collections.ObjectModel;
using System.Globalization;
using System.Management.Automation;
using System.Reflection;
using SdPowerShell.Records;
using StableDiffusion;
using StableDiffusion.Images;
using StableDiffusion.Images.Sheets;
using StableDiffusion.Settings;

namespace SdPowerShell.Parameters;

/// <summary>What decides on an image's place on a sheet, or is written below it: a property, or a script that is run for each image.</summary>
internal sealed class SheetValue
{
    // A1111 rounds its labels as well.
    private const int Digits = 8;

    private readonly string _parameter;
    private readonly ScriptBlock? _script;
    private readonly string _property;

    private SheetValue(string parameter, object given)
    {
        _parameter = parameter;
        _script = given as ScriptBlock;
        string name = LanguagePrimitives.ConvertTo<string>(given);
        _property = ImageColumn.TryFind(name)?.Name ?? name;
    }

    /// <summary>The properties of an image that say how it was made, its size, and last its path.</summary>
    public static IEnumerable<string> Names { get; } =
    [
        .. typeof(GeneratedObject).GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            .Select(static property => property.Name).Except([nameof(GeneratedObject.Info), nameof(GeneratedObject.Stages), nameof(GeneratedObject.Reproducibility)]),
        nameof(DiffusionImage.Width), nameof(DiffusionImage.Height), nameof(DiffusionImage.Path),
    ];

    /// <summary>What a parameter holds.</summary>
    /// <param name="parameter">The parameter's name.</param>
    /// <param name="given">A property's name or a script; null for none.</param>
    public static SheetValue? Of(string parameter, object? given) => Cell.Unwrap(given) is object value && !Cell.IsEmpty(value) ? new SheetValue(parameter, value) : null;

    /// <summary>The settings in which images differ, for each image in one text; of images without any, the names of their files.</summary>
    /// <param name="images">The images.</param>
    public static IReadOnlyList<string> Differences(IReadOnlyList<DiffusionImage> images)
    {
        string[][] texts = [.. Different(Names.SkipLast(1))];
        if (texts.Length == 0)
            texts = [.. Different(Names.TakeLast(1))];
        return [.. images.Select((_, index) => Bounded(string.Join(", ", texts.Select(values => values[index]))))];

        IEnumerable<string[]> Different(IEnumerable<string> names) =>
            names.Select(name => new SheetValue(name, name)).Select(value => images.Select(value.Read).ToArray()).Where(static values => values.Distinct(StringComparer.Ordinal).Skip(1).Any());
    }

    /// <summary>The text of an image, of which a label shows the beginning and the end if it is long.</summary>
    /// <param name="image">The image.</param>
    /// <exception cref="InvalidSettingException">It has no such property, or the script failed.</exception>
    public string Read(DiffusionImage image)
    {
        if (_script is not null)
            return Bounded(string.Join(", ", Run(image).Select(static item => Text(item?.BaseObject))));

        PSObject wrapped = PSObject.AsPSObject(image);
        PSPropertyInfo property = wrapped.Properties[_property] ?? throw new InvalidSettingException(
            _parameter, $"An image has no property '{InputRecord.Shorten(_property)}'.{(Spelling.Nearest(_property, Names) is string near ? $" Did you mean '{near}'?" : $" Give one such as Steps, or a script block.")}");
        object? value = Cell.Unwrap(property.Value);
        return Bounded(value switch
        {
            null => $"no {_property}",
            string text => text.Length == 0 ? $"no {_property}" : IsPath(text) ? Path.GetFileName(text) : text,
            _ => $"{_property} {Text(value)}",
        });
    }

    private static bool IsPath(string text) => Path.IsPathFullyQualified(text) && Path.GetFileName(text).Length > 0;

    private static string Bounded(string text) => PrintableText.Of(text, LabelText.MostCharacters);

    private static string Text(object? value) => value switch
    {
        double number => Math.Round(number, Digits).ToString(CultureInfo.InvariantCulture),
        IDictionary table => string.Join(", ", table.Cast<DictionaryEntry>().Select(static entry => $"{entry.Key} {Text(Cell.Unwrap(entry.Value))}")),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? string.Empty,
    };

    private Collection<PSObject?> Run(DiffusionImage image)
    {
        try
        {
            return _script!.InvokeWithContext(null, [new PSVariable("_", image)])!;
        }
        catch (RuntimeException error) when (error is not PipelineStoppedException)
        {
            throw new InvalidSettingException(_parameter, $"The script of {_parameter} failed: {error.Message}");
        }
    }
}
