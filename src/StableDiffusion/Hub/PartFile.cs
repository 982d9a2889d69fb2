using System.Security.Cryptography;
using System.Text;

namespace StableDiffusion.Hub;

/// <summary>
/// A file on its way: what is here of it on disk, and the hashes of that. Opening one that an earlier run left reads it
/// once; from then on the hashes go along with what is written.
/// </summary>
internal sealed class PartFile : IDisposable
{
    private const int BufferLength = 1 << 20;

    private readonly string _path;
    private readonly HubFile _file;
    private readonly FileStream _stream;
    private readonly IncrementalHash _sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly IncrementalHash? _blob;

    private PartFile(string path, HubFile file, FileStream stream)
    {
        _path = path;
        _file = file;
        _stream = stream;
        if (file.BlobId is not null)
            _blob = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
        BeginHashes();
    }

    /// <summary>How many bytes are here.</summary>
    public long Length { get; private set; }

    /// <summary>Opens a file, and reads what an earlier run left of it.</summary>
    /// <param name="path">Its full path; the file and its folder need not exist.</param>
    /// <param name="file">What it is to become.</param>
    /// <param name="read">Is told how many bytes were found.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="OutputWriteException">The file cannot be opened.</exception>
    public static PartFile Open(string path, HubFile file, Action<long> read, CancellationToken cancellationToken)
    {
        PartFile? part = null;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            part = new PartFile(path, file, new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0));
            part.ReadExisting(read, cancellationToken);
            return part;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            part?.Dispose();
            throw CannotWrite(path, error);
        }
        catch
        {
            part?.Dispose();
            throw;
        }
    }

    /// <summary>Writes what comes next.</summary>
    /// <exception cref="OutputWriteException">The disk does not take it.</exception>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        try
        {
            _stream.Write(bytes);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw CannotWrite(_path, error);
        }

        AppendHashes(bytes);
        Length += bytes.Length;
    }

    /// <summary>Forgets all that is here.</summary>
    /// <exception cref="OutputWriteException">The file cannot be emptied.</exception>
    public void Restart()
    {
        try
        {
            _stream.SetLength(0);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw CannotWrite(_path, error);
        }

        _sha256.GetHashAndReset();
        _blob?.GetHashAndReset();
        BeginHashes();
        Length = 0;
    }

    /// <summary>Whether the file is whole and what the hub says that it is.</summary>
    /// <param name="sha256">The SHA-256 of what is here.</param>
    public bool Matches(out string sha256)
    {
        sha256 = Convert.ToHexStringLower(_sha256.GetCurrentHash());
        return Length == _file.Length
            && (_file.Sha256 is null || _file.Sha256 == sha256)
            && (_blob is null || _file.BlobId == Convert.ToHexStringLower(_blob.GetCurrentHash()));
    }

    /// <summary>Closes the file and gives it its place.</summary>
    /// <param name="path">The full path of the place; a file there is replaced.</param>
    /// <exception cref="OutputWriteException">The place does not take it.</exception>
    public void MoveTo(string path)
    {
        try
        {
            _stream.Flush(flushToDisk: true);
            _stream.Dispose();
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.Move(_path, path, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw CannotWrite(path, error);
        }
    }

    /// <summary>Closes the file and takes it away.</summary>
    public void Delete()
    {
        _stream.Dispose();
        try
        {
            File.Delete(_path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // It is checked again before it is gone on with.
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stream.Dispose();
        _sha256.Dispose();
        _blob?.Dispose();
    }

    private void ReadExisting(Action<long> read, CancellationToken cancellationToken)
    {
        // What is longer than the whole file is no part of it.
        if (_stream.Length > _file.Length)
            _stream.SetLength(0);

        byte[] buffer = new byte[(int)Math.Clamp(_stream.Length, 1, BufferLength)];
        for (int count = _stream.Read(buffer); count > 0; count = _stream.Read(buffer))
        {
            cancellationToken.ThrowIfCancellationRequested();
            AppendHashes(buffer.AsSpan(0, count));
            Length += count;
            read(count);
        }
    }

    private void BeginHashes() => _blob?.AppendData(Encoding.ASCII.GetBytes(FormattableString.Invariant($"blob {_file.Length}\0")));

    private void AppendHashes(ReadOnlySpan<byte> bytes)
    {
        _sha256.AppendData(bytes);
        _blob?.AppendData(bytes);
    }

    private static OutputWriteException CannotWrite(string path, Exception error) =>
        new($"The file '{path}' cannot be written: {error.Message} See to it that the folder may be written to and that the disk has room.", error);
}
