using System.Collections;
using System.Management.Automation;

namespace SdPowerShell.Parameters;

/// <summary>Reads the values of table cells.</summary>
internal static class Cell
{
    /// <summary>Separates the items of a list; cannot be part of an item.</summary>
    public const char Separator = ';';

    /// <summary>A value without its PSObject wrapper.</summary>
    public static object? Unwrap(object? value) => value is PSObject wrapped ? wrapped.BaseObject : value;

    /// <summary>A value, or the elements of a list, without their PSObject wrappers.</summary>
    public static object? UnwrapAll(object? value) => Unwrap(value) is IList list ? list.Cast<object?>().Select(Unwrap).ToArray() : Unwrap(value);

    /// <summary>Whether a cell is empty, which means that the value is omitted.</summary>
    /// <param name="value">The value, unwrapped.</param>
    public static bool IsEmpty(object? value) => value is null || (value is string text && string.IsNullOrWhiteSpace(text));

    /// <summary>The items of a list: the elements of an array, or the parts of a string between semicolons.</summary>
    /// <param name="value">The value, unwrapped; any other value is a list of one.</param>
    public static IEnumerable<object?> Items(object? value) => value switch
    {
        string text => text.Split(Separator, StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries),
        IEnumerable items => items.Cast<object?>(),
        _ => [value],
    };
}
