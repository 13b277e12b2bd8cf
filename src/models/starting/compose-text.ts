// Owns the words of the compose file that no model changes, with the reasons for each right that Caisson has. Knows no engine.

export const COMPOSE_HEAD = `\
# Made by \`npm run compose\` from the files in model-configs/: change those, or what is in src/models/starting/, never this one.
# Caisson with one engine on one NVIDIA GPU. Copy .env.example to .env, fill it in, and:
#   docker compose -f docker-compose.gpu.yml up --build
# ENGINE there is the engine and its profile: vllm, triton, nim or llamacpp. Nothing is fetched at run time.
`;

export const CAISSON_SERVICE = `  caisson:
    build:
      context: .
      dockerfile: deploy/Dockerfile
    command:
      - serve
      - --data-dir
      - /home/caisson/data
      - --config
      - /etc/caisson/caisson.yaml
    # firejail takes the container for a sandbox of its own without this, and would run commands unprotected.
    environment:
      container: docker
    user: caisson
    init: true
    read_only: true
    # What the setuid firejail needs to build a sandbox, and nothing more; the service itself has none of them (deploy/README.md).
    cap_drop: [ALL]
    cap_add: [SYS_ADMIN, NET_ADMIN, SETUID, SETGID, CHOWN, FOWNER, DAC_OVERRIDE, MKNOD, SETPCAP]
    # Docker's own AppArmor profile forbids the mounts that a sandbox is made of.
    security_opt: ['apparmor=unconfined']
    tmpfs: ['/run:exec,mode=755', '/tmp']
    volumes:
      - caisson-data:/home/caisson/data
      - ./deploy/engines/\${ENGINE:-vllm}.yaml:/etc/caisson/caisson.yaml:ro
      # Template and tokenizer, for engines that take plain text. No sandbox sees what lies in /etc/caisson.
      - \${CAISSON_MODEL_DIR:?set it to the folder of the model}:/etc/caisson/model:ro
    mem_limit: 8g
    pids_limit: 4096
    # 'edge' publishes the gateway to this machine only; 'engines' is the only way to the model.
    networks: [edge, engines]
    ports: ['127.0.0.1:8484:8484']
    restart: unless-stopped
`;
