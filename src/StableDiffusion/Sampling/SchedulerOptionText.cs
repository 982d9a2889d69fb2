using System.Collections;
using System.Text.Json;
using StableDiffusion.Storage;

namespace StableDiffusion.Sampling;

/// <summary>Stores the options of a scheduler as one text, for the settings recorded with an image.</summary>
internal static class SchedulerOptionText
{
    /// <summary>Far more than the longest word that an option accepts.</summary>
    private const int LongestText = 1000;

    /// <summary>Writes options as JSON, in the order of their names.</summary>
    /// <param name="options">The options as the caller gave them; may be null.</param>
    /// <returns>The text; null if there are none.</returns>
    /// <exception cref="InvalidSettingException">The value of an option is missing, or neither a Boolean, a finite number, a short string nor a list of these.</exception>
    public static string? Write(IReadOnlyDictionary<string, object?>? options) => options is { Count: > 0 }
        ? JsonSerializer.Serialize(new SortedDictionary<string, object?>(options.ToDictionary(option => option.Key, option => Check(option.Key, option.Value)), StringComparer.Ordinal))
        : null;

    /// <summary>Reads options.</summary>
    /// <param name="text">The text that <see cref="Write"/> returned; may be null.</param>
    /// <returns>The options; null if there are none or the text is damaged.</returns>
    public static SchedulerOptionTable? Read(string? text)
    {
        if (text is null)
            return null;

        try
        {
            SchedulerOptionTable options = [];
            foreach ((string name, JsonElement value) in JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(text) ?? [])
                options.Add(name, ToValue(value));
            return options;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or ArgumentException)
        {
            // Half a surrogate pair is an InvalidOperationException, a name in two spellings an ArgumentException.
            return null;
        }
    }

    private static object? Check(string name, object? value) => value switch
    {
        IDictionary => throw Invalid(name, "holds options of its own"),
        IEnumerable list and not string => list.Cast<object?>().Select(item => CheckSingle(name, item)).ToArray(),
        _ => CheckSingle(name, value),
    };

    private static object CheckSingle(string name, object? value) => value switch
    {
        null => throw Invalid(name, "has no value"),
        double number when !double.IsFinite(number) => throw Invalid(name, $"is {number}"),
        float number when !float.IsFinite(number) => throw Invalid(name, $"is {number}"),
        string { Length: > LongestText } text => throw Invalid(name, $"is a text of {text.Length} characters"),
        string or bool or double or float or decimal or byte or sbyte or short or ushort or int or uint or long or ulong => value,
        _ => throw Invalid(name, $"is of type {value.GetType().Name}"),
    };

    private static InvalidSettingException Invalid(string name, string fault) =>
        new("SchedulerOption", $"The scheduler option '{ModelFilePath.Printable(name)}' {fault}. Give true or false, a number, a word, or a list of numbers, or omit the option.");

    private static object? ToValue(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Number => value.TryGetInt32(out int whole) ? whole : value.GetDouble() is var number && double.IsFinite(number) ? number : throw new JsonException(),
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Array => value.EnumerateArray().Select(ToValue).ToArray(),
        _ => null,
    };
}
