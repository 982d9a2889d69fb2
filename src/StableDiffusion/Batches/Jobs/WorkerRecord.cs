using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using StableDiffusion.Storage;

namespace StableDiffusion.Batches.Jobs;

/// <summary>
/// What process a worker is, as it says itself in a file of the job's folder:
/// <code>{ "host": "...", "processId": 123, "started": "2026-01-02T03:04:05Z" }</code>
/// </summary>
/// <param name="Host">The name of its computer.</param>
/// <param name="ProcessId">The number of the process.</param>
/// <param name="Started">When the process began.</param>
internal sealed record WorkerRecord(string Host, int ProcessId, DateTimeOffset Started)
{
    private const int MostBytes = 4096;
    private const int LongestHost = 255;

    /// <summary>Whether it is a process of this computer.</summary>
    public bool IsHere => Host.Equals(Environment.MachineName, StringComparison.OrdinalIgnoreCase);

    /// <summary>The record of a process of this computer; null if it has ended.</summary>
    public static WorkerRecord? Of(int processId) => RunningProcess.TimeOf(processId) is DateTimeOffset started ? new WorkerRecord(Environment.MachineName, processId, started) : null;

    /// <summary>Reads the records in a folder; those that are being written, or are none, are passed over.</summary>
    /// <param name="folder">The full path of the folder.</param>
    public static IEnumerable<WorkerRecord> ReadAll(string folder)
    {
        foreach (string path in Directory.Exists(folder) ? Directory.EnumerateFiles(folder, "*.json") : [])
        {
            byte[] bytes;
            try
            {
                bytes = RegularFile.ReadAllBytes(path, MostBytes);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                continue;
            }

            if (Parse(bytes) is WorkerRecord worker)
                yield return worker;
        }
    }

    /// <summary>Reads a record.</summary>
    /// <param name="bytes">The JSON.</param>
    /// <returns>The record; null if it is none.</returns>
    public static WorkerRecord? Parse(byte[] bytes)
    {
        try
        {
            JsonElement root = ModelJson.ParseObject(bytes, "The record of a worker");
            return root.TryGetProperty("host", out JsonElement host) && host.ValueKind == JsonValueKind.String && host.GetString() is { Length: > 0 and <= LongestHost } name
                && root.TryGetProperty("processId", out JsonElement id) && id.ValueKind == JsonValueKind.Number && id.TryGetInt32(out int number) && number > 1
                && root.TryGetProperty("started", out JsonElement started) && started.ValueKind == JsonValueKind.String
                && DateTimeOffset.TryParse(started.GetString(), CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out DateTimeOffset time)
                ? new WorkerRecord(name, number, time)
                : null;
        }
        catch (ModelInvalidException)
        {
            return null;
        }
    }

    /// <summary>Writes the record.</summary>
    /// <param name="path">The full path of the file.</param>
    public void Write(string path) => OutputFile.Write(path, overwrite: true, stream =>
    {
        using Utf8JsonWriter json = new(stream);
        json.WriteStartObject();
        json.WriteString("host", Host);
        json.WriteNumber("processId", ProcessId);
        json.WriteString("started", Started);
        json.WriteEndObject();
    });

    /// <summary>The process, if it is one of this computer and still that of the worker; null if not.</summary>
    public Process? Find() => IsHere ? RunningProcess.Find(ProcessId, Started) : null;

    /// <summary>Whether it is a process of this computer that has not ended.</summary>
    public bool IsAlive()
    {
        using Process? process = Find();
        return process is not null;
    }

    /// <summary>The process in words.</summary>
    /// <returns>Its number and its computer, in one printable line.</returns>
    public override string ToString() => PrintableText.Of(string.Create(CultureInfo.InvariantCulture, $"process {ProcessId} on {Host}"));
}
