using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Text.Json;
using SdPowerShell.Parameters;
using StableDiffusion;

namespace SdPowerShell.Records;

/// <summary>Rows of the pipeline as lines of a table that another process reads.</summary>
internal static class JobRow
{
    private const int MostLevels = 8;

    private static readonly JsonWriterOptions s_options = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes a row as a line of JSON.</summary>
    /// <param name="input">A prompt, or a row.</param>
    /// <param name="stream">Where to.</param>
    /// <exception cref="InvalidSettingException">It is something else, or has a value that cannot be in a table.</exception>
    public static void Write(InputRecord input, Stream stream)
    {
        using MemoryStream line = new();
        using (Utf8JsonWriter json = new(line, s_options))
        {
            json.WriteStartObject();
            if (input.IsText)
                json.WriteString("Prompt", (string)input.Value!.BaseObject);
            else if (input.IsRow && !input.IsMade)
                WriteProperties(json, input.Value!);
            else
                throw new InvalidSettingException("InputObject", input.IsDictionary ? InputRecord.DictionaryAdvice : "Only prompts and rows can be the work of a job. Give a table with -Path, or read it with Import-Csv.");
            json.WriteEndObject();
        }

        line.WriteByte((byte)'\n');
        line.WriteTo(stream);
    }

    private static void WriteProperties(Utf8JsonWriter json, PSObject row)
    {
        foreach (PSPropertyInfo property in row.Properties)
        {
            if (Cell.Unwrap(property.Value) is not { } value)
                continue;
            json.WritePropertyName(property.Name);
            Write(json, property.Name, property.Value, value, MostLevels);
        }
    }

    private static void Write(Utf8JsonWriter json, string column, object? wrapped, object? value, int levels)
    {
        if (levels == 0)
            throw Refuse(column, "it has too many levels");
        switch (value)
        {
            case null:
                json.WriteNullValue();
                break;
            case string or char or Enum:
                json.WriteStringValue(value.ToString());
                break;
            case bool flag:
                json.WriteBooleanValue(flag);
                break;
            case SwitchParameter flag:
                json.WriteBooleanValue(flag.IsPresent);
                break;
            case byte or sbyte or short or ushort or int or uint or long or ulong or decimal or System.Numerics.BigInteger:
                json.WriteRawValue(((IFormattable)value).ToString(null, CultureInfo.InvariantCulture));
                break;
            case float or double when double.IsFinite(Convert.ToDouble(value, CultureInfo.InvariantCulture)):
                json.WriteRawValue(((IFormattable)value).ToString("R", CultureInfo.InvariantCulture));
                break;
            case FileSystemInfo file:
                json.WriteStringValue(file.FullName);
                break;
            case IDictionary options:
                json.WriteStartObject();
                foreach (DictionaryEntry option in options)
                {
                    json.WritePropertyName($"{option.Key}");
                    Write(json, column, option.Value, Cell.Unwrap(option.Value), levels - 1);
                }

                json.WriteEndObject();
                break;
            case PSCustomObject when wrapped is PSObject item:
                json.WriteStartObject();
                foreach (PSPropertyInfo property in item.Properties)
                {
                    json.WritePropertyName(property.Name);
                    Write(json, column, property.Value, Cell.Unwrap(property.Value), levels - 1);
                }

                json.WriteEndObject();
                break;
            case IList list:
                json.WriteStartArray();
                foreach (object? item in list)
                    Write(json, column, item, Cell.Unwrap(item), levels - 1);
                json.WriteEndArray();
                break;
            default:
                throw Refuse(column, $"it is an object of type {value.GetType().Name}");
        }
    }

    private static InvalidSettingException Refuse(string column, string reason) => new(column, $"The value of the column '{column}' cannot be in a table: {reason}. Give a text, a number, true or false, or a list of these; of an image, give the path of its file.");
}
